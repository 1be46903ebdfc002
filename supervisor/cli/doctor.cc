// `undercoat doctor`: runs all probes and says which mode is possible here.
#include "supervisor/cli/commands.h"
#include "supervisor/cli/probes/probe.h"

#include <boost/json.hpp>

#include <cstdio>
#include <iostream>
#include <unistd.h>

namespace undercoat::cli {
namespace {

const ProbeResult* find(const std::vector<ProbeResult>& all, const char* name) {
    for (const ProbeResult& r : all)
        if (r.name == name) return &r;
    return nullptr;
}

bool usable(const std::vector<ProbeResult>& all, const char* name) {
    const ProbeResult* r = find(all, name);
    return r && r->verdict != Verdict::bad;
}

struct Conclusion {
    std::string mode;  // "full", "trap", "preload", "none"
    std::string words;
};

Conclusion conclude(const std::vector<ProbeResult>& all) {
    const ProbeResult* ptrace = find(all, "ptrace");
    const bool readable = usable(all, "process_vm_readv");
    const bool notify = readable && usable(all, "seccomp-notify");
    const bool traced = readable && ptrace && ptrace->traceable;
    const bool shim = usable(all, "libshim") && usable(all, "memfd");
    const std::string how = notify ? "" : " Calls are held by ptrace, which costs more and keeps gdb and strace out.";
    if ((notify || traced) && shim) return {"full", "Everything that mode `full` needs works here." + how};
    if (notify || traced) return {"trap", "Mode `trap` works here: every call is seen, at the price of a trap each." + how};
    if (shim) return {"preload", "Only mode `preload` works here: static programs and raw system calls are not seen."};
    return {"none", "Neither the trap nor the shim works here; see the advice above."};
}

const char* word(Verdict v) { return v == Verdict::good ? "ok" : v == Verdict::limited ? "limited" : "NO"; }
const char* colour(Verdict v) { return v == Verdict::good ? "\033[32m" : v == Verdict::limited ? "\033[33m" : "\033[31m"; }

void print_text(const std::vector<ProbeResult>& all, const Conclusion& c) {
    const bool tty = ::isatty(STDOUT_FILENO) == 1;
    for (const ProbeResult& r : all) {
        std::printf("%s%-8s%s%-17s %s\n", tty ? colour(r.verdict) : "", word(r.verdict), tty ? "\033[0m" : "", r.name.c_str(),
                    r.found.c_str());
        std::printf("%-25s %s\n", "", r.meaning.c_str());
        if (!r.advice.empty()) std::printf("%-25s -> %s\n", "", r.advice.c_str());
    }
    std::printf("\n%s\n", c.words.c_str());
}

void print_json(const std::vector<ProbeResult>& all, const Conclusion& c) {
    boost::json::array probes;
    for (const ProbeResult& r : all)
        probes.push_back({{"name", r.name},
                          {"verdict", r.verdict == Verdict::bad ? "no" : word(r.verdict)},
                          {"found", r.found},
                          {"meaning", r.meaning},
                          {"advice", r.advice}});
    std::cout << boost::json::object{{"mode", c.mode}, {"conclusion", c.words}, {"probes", std::move(probes)}} << "\n";
}

}  // namespace

int doctor(bool json) {
    std::vector<ProbeResult> all;
    probe_environment(all);
    probe_seccomp(all);
    probe_tracing(all);
    const Conclusion c = conclude(all);
    if (json)
        print_json(all, c);
    else
        print_text(all, c);
    return c.mode == "full" ? 0 : 1;
}

}  // namespace undercoat::cli
