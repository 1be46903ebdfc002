// Blocks to lists and events.
#include "supervisor/scap/capture.h"

#include "supervisor/scap/metadata.h"

#include "base/unique_fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace undercoat::scap {

using event::Event;

namespace {

constexpr size_t kMostConnections = 262'144;

}  // namespace

Result<std::unique_ptr<Capture>> Capture::open(const std::string& file, state::State& state) {
    auto input = Input::open(file);
    if (!input) return Error{input.error()};
    return std::make_unique<Capture>(std::move(*input), file, state);
}

void Capture::skip(BlockType type) {
    const auto number = static_cast<uint32_t>(type);
    if (counters_.skipped.size() < CaptureCounters::kMostTypes || counters_.skipped.contains(number))
        ++counters_.skipped[number];
    else
        ++counters_.other_skipped;
}

Status Capture::take_list(const Block& block) {
    ListCounters& c = counters_.lists;
    switch (block.type) {
        case BlockType::section:
            if (Status s = check_section(block.body); !s) return s;
            in_section_ = true;
            events_.forget();
            return Unit{};
        case BlockType::processes_v1: case BlockType::processes_v2: case BlockType::processes_v3: case BlockType::processes_v4:
        case BlockType::processes_v5: case BlockType::processes_v6: case BlockType::processes_v7: case BlockType::processes_v8:
        case BlockType::processes_v9: state_.seed(read_processes(block, c)); return Unit{};
        case BlockType::fds:
        case BlockType::fds_v2: take_fds(block); return Unit{};
        case BlockType::interfaces:
        case BlockType::interfaces_v2: state_.set_interfaces(read_interfaces(block, c)); return Unit{};
        case BlockType::users:
        case BlockType::users_v2: read_users(block, state_.users(), c); return Unit{};
        case BlockType::machine: return Unit{};  // CPUs, memory, host name: no rule asks for them
        default: skip(block.type); return Unit{};
    }
}

void Capture::take_fds(const Block& block) {
    FdList list = read_fds(block, counters_.lists);
    if (state_.thread(list.tid) == nullptr) {
        ++counters_.lost_fd_lists;
        return;
    }
    for (auto& [number, info] : list.fds) {
        if (info.is_ip() && info.server_socket) server_ports_.set(info.tuple.destination.port);
        if (info.is_ip() && info.connected && connections_.size() < kMostConnections)
            connections_.push_back({list.tid, number, std::move(info)});
        else state_.add_fd(list.tid, number, info);
    }
}

// A listed connection has its local end first. Whose port somebody on the machine serves is the server.
void Capture::settle_connections() {
    for (Connection& c : connections_) {
        event::Tuple ends = c.info.tuple;
        const bool server = server_ports_.test(ends.source.port);
        if (server) std::swap(ends.source, ends.destination);
        c.info.role = server ? state::Role::server : state::Role::client;
        c.info.set_tuple(ends);
        state_.add_fd(c.tid, c.number, c.info);
    }
    connections_.clear();
}

// The process, by the thread; and how an end is told. Events of no thread have the number 0 or -1.
void Capture::place(Event& e) {
    if (e.is(wire::Call::container)) e.pid = e.tid = kContainerThread;
    if (e.tid <= 0) return;
    const state::Thread* t = state_.thread(e.tid);
    e.pid = t != nullptr ? t->pid : e.tid;
    if (!e.is(wire::Call::procexit)) return;
    e.kind = event::Kind::exit;
    const auto& status = e.param("status");
    if (status.kind == event::ParamValue::Kind::number) e.result = status.number;
}

Result<bool> Capture::next(Event& e) {
    for (;;) {
        auto block = blocks_.next();
        if (!block) return Error{name_ + ":" + block.error()};
        if (!*block) return false;
        ++counters_.blocks;
        const Block& b = **block;
        const auto fail = [&](const std::string& what) { return Error{name_ + ":" + std::to_string(b.offset) + ": " + what + "."}; };
        if (!in_section_ && b.type != BlockType::section) return fail("a capture begins with a section header, and this is none");
        if (!is_event(b.type)) {
            if (Status s = take_list(b); !s) return fail(s.error());
            continue;
        }
        if (!connections_.empty()) settle_connections();
        if (!events_.read(b, e)) continue;
        place(e);
        if (!learn(events_, e, state_)) ++counters_.bad_metadata;
        if (e.is(wire::Call::procinfo)) continue;  // how long a process has run: the writer's own, no rule sees it
        return true;
    }
}

std::string Capture::complaints() const {
    std::string out;
    const auto say = [&](uint64_t n, const std::string& what) {
        if (n != 0) out += (out.empty() ? "" : ", ") + std::to_string(n) + " " + what;
    };
    for (const auto& [type, n] : counters_.skipped) {
        char hex[16];
        std::snprintf(hex, sizeof hex, "0x%x", type);
        say(n, std::string("blocks of the unknown type ") + hex);
    }
    const EventCounters& e = events_.counters();
    say(counters_.other_skipped, "blocks of other unknown types");
    say(e.malformed, "malformed events");
    say(e.unknown_codes, "events of unknown kinds");
    say(e.unreadable_params, "parameters that do not fit their types");
    say(e.forgotten_enters, "calls whose beginning had to be forgotten");
    say(counters_.lists.bad_lists, "damaged lists");
    say(counters_.lists.unknown_fds, "descriptors of unknown types");
    say(counters_.lost_fd_lists, "descriptor lists of unlisted processes");
    say(counters_.bad_metadata, "container events that cannot be understood");
    return out.empty() ? out : name_ + ": skipped " + out + ".";
}

state::Options capture_options(state::Options options) {
    options.foreign = true;
    options.read_proc = false;
    return options;
}

bool is_capture(const std::string& file) {
    struct stat st;
    // What is read from a pipe is gone for whoever reads the events, and who opens it lets its writer begin.
    if (::stat(file.c_str(), &st) != 0 || !S_ISREG(st.st_mode)) return false;
    const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!fd) return false;
    uint8_t beginning[4];
    const ssize_t n = ::read(fd.get(), beginning, sizeof beginning);
    return n > 0 && looks_like_capture({beginning, static_cast<size_t>(n)});
}

}  // namespace undercoat::scap
