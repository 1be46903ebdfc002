// Names and copies of descriptors.
#include "supervisor/state/fd.h"

#include "supervisor/state/paths.h"

#include <charconv>

namespace undercoat::state {

char type_char(FdType t) {
    static constexpr char kChars[] = "ofd46upeslitnburmPX";
    static_assert(sizeof kChars - 2 == static_cast<size_t>(FdType::unsupported));
    return kChars[static_cast<size_t>(t)];
}

const char* type_name(FdType t) {
    static constexpr const char* kNames[] = {
        "<NA>",  "file",     "directory", "ipv4",    "ipv6", "unix",        "pipe",     "event", "signalfd", "eventpoll",
        "inotify", "timerfd", "netlink",  "bpf",     "userfaultfd", "io_uring", "memfd", "pidfd", "unsupported"};
    return kNames[static_cast<size_t>(t)];
}

const char* l4_name(L4 p) {
    static constexpr const char* kNames[] = {"<NA>", "tcp", "udp", "icmp", "raw"};
    return kNames[static_cast<size_t>(p)];
}

FdInfo& FdInfo::operator=(const FdInfo& o) {
    if (this == &o) return *this;
    type = o.type;
    l4 = o.l4;
    role = o.role;
    connected = o.connected;
    server_socket = o.server_socket;
    upper_layer = o.upper_layer;
    lower_layer = o.lower_layer;
    created_here = o.created_here;
    open_flags = o.open_flags;
    dev = o.dev;
    ino = o.ino;
    pid = o.pid;
    name = o.name;
    name_raw = o.name_raw;
    named_at = o.named_at;
    proven = o.proven;
    unix_path = o.unix_path;
    tuple = o.tuple;
    tuple.source.path = {};
    tuple.destination.path = unix_path;
    return *this;
}

void FdInfo::set_tuple(const Tuple& t) {
    unix_path = t.destination.path.empty() ? t.source.path : t.destination.path;
    tuple = t;
    tuple.source.path = {};
    tuple.destination.path = unix_path;
    if (server_socket) name = to_text(tuple.destination);
    else name = to_text(tuple);
}

namespace {

bool starts(std::string_view s, std::string_view p) { return s.substr(0, p.size()) == p; }

uint64_t number_in_brackets(std::string_view text) {
    uint64_t n = 0;
    const size_t open = text.find('[');
    if (open != std::string_view::npos) std::from_chars(text.data() + open + 1, text.data() + text.size(), n);
    return n;
}

constexpr std::string_view kDeleted = " (deleted)";

// The kernel says so behind the name of a file that is gone; the program's name is without.
std::string_view without_deleted(std::string_view name) {
    if (name.ends_with(kDeleted)) name.remove_suffix(kDeleted.size());
    return name;
}

FdType anon_type(std::string_view name) {
    struct Entry {
        std::string_view text;
        FdType type;
    };
    static constexpr Entry kAnon[] = {
        {"[eventfd]", FdType::eventfd}, {"[signalfd]", FdType::signalfd}, {"[eventpoll]", FdType::eventpoll},
        {"inotify", FdType::inotify}, {"[timerfd]", FdType::timerfd}, {"[userfaultfd]", FdType::userfaultfd},
        {"[io_uring]", FdType::io_uring}, {"[pidfd]", FdType::pidfd}, {"bpf", FdType::bpf}, {"[bpf", FdType::bpf},
    };
    for (const Entry& e : kAnon)
        if (starts(name, e.text)) return e.type;
    return FdType::unsupported;
}

}  // namespace

bool says_deleted(std::string_view text) { return starts(text, "/") && !starts(text, "/memfd:") && text.ends_with(kDeleted); }

FdInfo fd_from_proc_text(std::string_view text, bool gone) {
    FdInfo fd;
    if (starts(text, "socket:")) {
        fd.type = FdType::unknown;
        fd.ino = number_in_brackets(text);
    } else if (starts(text, "pipe:")) {
        fd.type = FdType::pipe;
        fd.name = text;
        fd.ino = number_in_brackets(text);
    } else if (starts(text, "anon_inode:")) {
        const std::string_view name = text.substr(11);
        fd.type = anon_type(name);
        fd.name = name;
    } else if (starts(text, "/memfd:")) {
        fd.type = FdType::memfd;
        fd.name = without_deleted(text.substr(7));
    } else if (starts(text, "/")) {
        fd.type = FdType::file;
        if (gone) text = without_deleted(text);
        fd.name = text.size() >= kMaxFalcoPath ? kPathTooLong : std::string(text);
        fd.name_raw = fd.name;
    } else {
        fd.type = FdType::unsupported;
        fd.name = text;
    }
    return fd;
}

}  // namespace undercoat::state
