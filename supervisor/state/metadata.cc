// See metadata.h. One thread: asks, waits, asks again, ends.
#include "supervisor/state/metadata.h"

#include "base/unique_fd.h"

#include <arpa/inet.h>
#include <boost/json.hpp>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace undercoat::state {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

constexpr size_t kLongestAnswer = 256 * 1024, kMostLabels = 256, kLongestText = 4096;
constexpr std::chrono::seconds kAnswerTime{2};
constexpr std::chrono::milliseconds kLook{50};  // how often the thread looks whether it is to end
constexpr int kAttempts = 5;

struct Endpoint {
    sockaddr_in address{};
    std::string host, path;
};

// "http://ADDRESS[:PORT][/PATH]". The address is a number: looking names up would block.
std::optional<Endpoint> parse_url(std::string_view url) {
    constexpr std::string_view scheme = "http://";
    if (!url.starts_with(scheme)) return std::nullopt;
    url.remove_prefix(scheme.size());
    const size_t slash = std::min(url.find('/'), url.size());
    Endpoint e;
    e.host = url.substr(0, slash), e.path = url.substr(slash);
    const size_t colon = e.host.find(':');
    unsigned long port = 80;
    if (colon != e.host.npos) port = std::strtoul(e.host.c_str() + colon + 1, nullptr, 10);
    e.address.sin_family = AF_INET;
    e.address.sin_port = htons(static_cast<uint16_t>(port));
    const bool odd = e.path.find_first_of(" \r\n") != e.path.npos || port == 0 || port > 65535;
    if (odd || inet_pton(AF_INET, e.host.substr(0, colon).c_str(), &e.address.sin_addr) != 1) return std::nullopt;
    return e;
}

bool ready(int fd, short what, Clock::time_point deadline, const std::atomic<bool>& stop) {
    while (!stop && Clock::now() < deadline) {
        pollfd p{fd, what, 0};
        if (poll(&p, 1, static_cast<int>(kLook.count())) > 0) return true;
    }
    return false;
}

// The body of the answer to a GET, or nothing: no answer in time, none with status 200, or one too long.
std::optional<std::string> get(const Endpoint& e, const std::string& path, const std::atomic<bool>& stop) {
    const auto deadline = Clock::now() + kAnswerTime;
    const UniqueFd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return std::nullopt;
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&e.address), sizeof e.address) != 0 && errno != EINPROGRESS)
        return std::nullopt;
    // HTTP/1.0: the answer comes in one piece and ends with the connection.
    const std::string request = "GET " + path + " HTTP/1.0\r\nHost: " + e.host + "\r\nMetadata-Flavor: Google\r\nAccept: */*\r\n\r\n";
    if (!ready(fd.get(), POLLOUT, deadline, stop)) return std::nullopt;
    if (send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size())) return std::nullopt;
    std::string answer;
    for (std::array<char, 8192> part; ready(fd.get(), POLLIN, deadline, stop);) {
        const ssize_t n = recv(fd.get(), part.data(), part.size(), 0);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (n < 0) return std::nullopt;
        if (n > 0) answer.append(part.data(), static_cast<size_t>(n));
        if (answer.size() > kLongestAnswer) return std::nullopt;
        if (n > 0) continue;
        const size_t body = answer.find("\r\n\r\n");
        const bool fine = answer.starts_with("HTTP/1.") && answer.substr(8, 5) == " 200 " && body != answer.npos;
        return fine ? std::optional(answer.substr(body + 4)) : std::nullopt;
    }
    return std::nullopt;
}

std::optional<json::object> object(std::string_view text) {
    boost::system::error_code error;
    json::value v = json::parse(json::string_view(text.data(), text.size()), error);
    if (error || !v.is_object()) return std::nullopt;
    return std::move(v.get_object());
}

std::string text_of(const json::object& o, const char* key) {
    const json::value* v = o.if_contains(key);
    if (!v || !v->is_string()) return "";
    return std::string(v->get_string()).substr(0, kLongestText);
}

void label(Container& c, std::string name, std::string value) {
    if (!value.empty() && c.labels.size() < kMostLabels) c.labels.insert_or_assign(std::move(name), std::move(value));
}

void take_labels(Container& c, const json::object& o) {
    const json::value* labels = o.if_contains("Labels");
    if (!labels || !labels->is_object()) return;
    for (const auto& [key, value] : labels->get_object())
        if (value.is_string() && key.size() < kLongestText)
            label(c, std::string(key), std::string(value.get_string()).substr(0, kLongestText));
}

void take_address(Container& c, const json::object& o) {
    const json::value* networks = o.if_contains("Networks");
    if (!networks || !networks->is_array()) return;
    for (const json::value& n : networks->get_array()) {
        const json::value* list = n.is_object() ? n.get_object().if_contains("IPv4Addresses") : nullptr;
        if (!list || !list->is_array() || list->get_array().empty() || !list->get_array()[0].is_string()) continue;
        c.ip = std::string(list->get_array()[0].get_string()).substr(0, kLongestText);
        return;
    }
}

// RFC 3339 in UTC, as "2020-10-02T00:43:06.202617438Z"; 0 if it is none.
uint64_t time_of(const std::string& s) {
    tm t{};
    const char* end = strptime(s.c_str(), "%Y-%m-%dT%H:%M:%S", &t);
    if (!end) return 0;
    uint64_t ns = 0, digit = 100'000'000;
    if (*end == '.')
        while (*++end >= '0' && *end <= '9') ns += static_cast<uint64_t>(*end - '0') * digit, digit /= 10;
    const time_t seconds = timegm(&t);
    return *end == 'Z' && seconds > 0 ? static_cast<uint64_t>(seconds) * 1'000'000'000 + ns : 0;
}

void take_image(Container& c, const std::string& image) {
    c.image = image;
    std::string rest = image.substr(0, image.find('@'));
    if (rest.size() < image.size()) c.image_digest = image.substr(rest.size() + 1);
    const size_t colon = rest.rfind(':'), slash = rest.rfind('/');
    const bool tagged = colon != rest.npos && (slash == rest.npos || colon > slash);
    c.tag = tagged ? rest.substr(colon + 1) : "";
    c.repository = tagged ? rest.substr(0, colon) : rest;
}

std::string variable(Metadata::Environment env, const char* name) {
    const char* v = env(name);
    return v ? v : "";
}

// What one platform is asked, and what is made of the answers. False: to be asked again.
using Ask = std::function<bool(Container&, const std::atomic<bool>&)>;

Ask ask_ecs(const Endpoint& e) {
    return [e](Container& c, const std::atomic<bool>& stop) {
        const auto container = get(e, e.path.empty() ? "/" : e.path, stop);
        if (!container || !take_ecs_container(*container, c)) return false;
        if (const auto task = get(e, e.path + "/task", stop)) take_ecs_task(*task, c);
        return true;
    };
}

Ask ask_cloud_run(const Endpoint& e) {
    return [e](Container& c, const std::atomic<bool>& stop) {
        const auto value = [&](const char* path) {
            return get(e, std::string("/computeMetadata/v1/") + path, stop).value_or("").substr(0, kLongestText);
        };
        const std::string id = value("instance/id");
        if (id.empty()) return false;
        c.full_id = id, c.id = id.substr(0, 12);
        label(c, "cloudrun.project", value("project/project-id"));
        const std::string region = value("instance/region");
        label(c, "cloudrun.region", region.substr(region.rfind('/') + 1));
        return true;
    };
}

Ask platform(Metadata::Environment env) {
    if (const std::string uri = variable(env, "ECS_CONTAINER_METADATA_URI_V4"); !uri.empty()) {
        const auto e = parse_url(uri);
        return e ? ask_ecs(*e) : Ask();
    }
    if (variable(env, "K_SERVICE").empty() && variable(env, "CLOUD_RUN_JOB").empty()) return {};
    std::string host = variable(env, "GCE_METADATA_HOST");
    if (host.empty() || host == "metadata.google.internal") host = "169.254.169.254";
    const auto e = parse_url("http://" + host);
    return e ? ask_cloud_run(*e) : Ask();
}

}  // namespace

bool take_ecs_container(std::string_view text, Container& c) {
    const auto o = object(text);
    if (!o || text_of(*o, "DockerId").empty()) return false;
    c.type = "ecs";
    c.full_id = text_of(*o, "DockerId");
    c.id = c.full_id.substr(0, 12);
    if (const std::string name = text_of(*o, "Name"); !name.empty()) c.name = name;
    if (const std::string image = text_of(*o, "Image"); !image.empty()) take_image(c, image);
    if (const std::string id = text_of(*o, "ImageID"); !id.empty()) c.image_id = id;
    if (const uint64_t started = time_of(text_of(*o, "StartedAt"))) c.start_ts = started;
    take_labels(c, *o);
    take_address(c, *o);
    return true;
}

bool take_ecs_task(std::string_view text, Container& c) {
    const auto o = object(text);
    if (!o || text_of(*o, "TaskARN").empty()) return false;
    constexpr std::pair<const char*, const char*> kParts[] = {
        {"Cluster", "ecs.cluster"},           {"TaskARN", "ecs.task-arn"},
        {"Family", "ecs.family"},             {"Revision", "ecs.revision"},
        {"ServiceName", "ecs.service"},       {"AvailabilityZone", "ecs.availability-zone"},
        {"LaunchType", "ecs.launch-type"}};
    for (const auto& [key, name] : kParts) label(c, name, text_of(*o, key));
    return true;
}

struct Metadata::Asker {
    std::atomic<bool> stop{false}, fresh{false};
    std::mutex mutex;
    std::condition_variable wake;
    Container found;
    std::thread thread;

    void run(const Ask& ask, std::chrono::milliseconds pause) {
        for (int i = 0; i < kAttempts && !stop; ++i, pause *= 5) {
            Container c;
            const bool done = ask(c, stop);
            std::unique_lock lock(mutex);
            if (done) {
                found = std::move(c);
                fresh = true;
                return;
            }
            wake.wait_for(lock, pause, [this] { return stop.load(); });
        }
    }
};

Metadata::Metadata(Environment env, std::chrono::milliseconds pause) {
    Ask ask = platform(env);
    if (!ask) return;
    asker_ = std::make_unique<Asker>();
    // Signals are for the thread that looks for them.
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    asker_->thread = std::thread([a = asker_.get(), ask = std::move(ask), pause] { a->run(ask, pause); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Metadata::~Metadata() {
    if (!asker_) return;
    {
        const std::lock_guard lock(asker_->mutex);
        asker_->stop = true;
    }
    asker_->wake.notify_all();
    asker_->thread.join();
}

bool Metadata::take(Container& c) {
    if (!asker_ || !asker_->fresh.exchange(false)) return false;
    const std::lock_guard lock(asker_->mutex);
    const Container& f = asker_->found;
    const auto put = [](std::string& to, const std::string& from) {
        if (!from.empty()) to = from;
    };
    put(c.full_id, f.full_id), put(c.id, f.id), put(c.name, f.name), put(c.type, f.type), put(c.ip, f.ip);
    put(c.image_id, f.image_id);
    if (c.image.empty()) c.image = f.image, c.repository = f.repository, c.tag = f.tag, c.image_digest = f.image_digest;
    if (f.start_ts) c.start_ts = f.start_ts;
    for (const auto& [name, value] : f.labels) c.labels.insert_or_assign(name, value);
    return true;
}

}  // namespace undercoat::state
