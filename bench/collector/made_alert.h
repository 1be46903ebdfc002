// An alert such as agents send: a rule's output, its fields, and the context that the engine adds.
//
// Must stay true: alert number n of an agent is always the same but for its time; some fields have a few values (rules, users), some
// thousands (processes, files) and one is new each time (the process number), as in real alerts. What searches.py looks for
// is made here.
#pragma once

#include "wire/remote/messages.h"

#include <string>

namespace undercoat::bench {

// Some 1.3 kB as JSON. `agent`: 0 and up; `time_ns`: since 1970.
inline remote::Alert made_alert(unsigned agent, uint64_t number, uint64_t time_ns) {
    static constexpr const char* kPrograms[] = {"bash", "nginx", "python3", "node", "java", "redis-server", "postgres", "curl", "tar", "perl"};
    static constexpr const char* kUsers[] = {"root", "www-data", "app", "nobody"};
    static constexpr const char* kTags[] = {"T1059", "T1071", "T1105", "T1548", "T1003", "T1070", "T1496", "T1611"};
    uint64_t mixed = (number + 1) * 0x9e3779b97f4a7c15 ^ (uint64_t{agent} << 32);
    const auto one_of = [&mixed](uint64_t n) {
        mixed ^= mixed >> 31, mixed *= 0xbf58476d1ce4e5b9, mixed ^= mixed >> 27;
        return mixed % n;
    };
    const std::string program = kPrograms[one_of(10)], user = kUsers[one_of(4)], pid = std::to_string(1000 + number % 30'000);
    const std::string host = "task-" + std::to_string(agent), container = "c0ffee" + std::to_string(100'000 + agent);
    const std::string file = "/srv/data/" + std::to_string(one_of(5000)) + "/part-" + std::to_string(one_of(4)) + ".bin";
    const std::string parent = kPrograms[one_of(10)];
    const std::string line = program + " --config /etc/" + program + "/main.conf --worker " + std::to_string(one_of(2000)) + " " + file;
    remote::Alert a;
    a.number = number + 1, a.time_ns = time_ns;
    a.severity = static_cast<uint32_t>(one_of(1000) == 0 ? 2 : 3 + one_of(5));
    a.rule = "Bench rule " + std::to_string(one_of(40)), a.source = "syscall", a.hostname = host;
    a.tags = {"container", "mitre_execution", kTags[one_of(8)]};
    a.message = "File opened by an unexpected program (file=" + file + " user=" + user + " process=" + program + " parent=" + parent +
                " command=" + line + " container=" + container + ")";
    const auto pair = [](const char* name, const std::string& value) { return "\"" + std::string(name) + "\":\"" + value + "\","; };
    const auto object = [](std::string pairs) { return pairs.back() = '}', "{" + pairs; };
    a.fields = object(pair("fd.name", file) + pair("user.name", user) + pair("proc.name", program) + pair("proc.pname", parent) +
                      pair("proc.cmdline", line) + pair("container.id", container));
    a.context = object("\"proc.pid\":" + pid + ",\"proc.ppid\":1,\"user.uid\":" + std::to_string(one_of(4)) + "," + pair("evt.type", "openat") +
                       pair("proc.name", program) + pair("proc.exepath", "/usr/bin/" + program) + pair("proc.cmdline", line) +
                       pair("proc.cwd", "/srv") + pair("proc.pname", parent) + pair("proc.pcmdline", parent + " --daemon") +
                       pair("proc.aname[2]", "entrypoint.sh") + pair("proc.aname[3]", "tini") + pair("user.name", user) +
                       pair("container.id", container) + pair("container.name", "service") +
                       pair("container.image.repository", "registry.example/service") + pair("fd.name", file));
    return a;
}

}  // namespace undercoat::bench
