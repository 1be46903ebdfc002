// What is known of one descriptor.
//
// Must stay true: `name` is what fd.name shows (FALCO_SPEC 4.2 forms: a file's path is collapsed, a connection is
// "client->server"); `name_raw` is the path as the program gave it, duplicate separators collapsed.
#pragma once

#include "supervisor/event/address.h"

#include <cstdint>
#include <string>

namespace undercoat::state {

using event::Address;
using event::Tuple;

enum class FdType : uint8_t {
    unknown, file, directory, ipv4, ipv6, unix_socket, pipe, eventfd, signalfd, eventpoll, inotify, timerfd, netlink, bpf,
    userfaultfd, io_uring, memfd, pidfd, unsupported,
};
// Falco's fd.typechar and fd.type ("<NA>" for unknown).
char type_char(FdType t);
const char* type_name(FdType t);

enum class L4 : uint8_t { unknown, tcp, udp, icmp, raw };
const char* l4_name(L4 p);  // "<NA>" for unknown

enum class Role : uint8_t { none, client, server };

struct FdInfo {
    FdType type = FdType::unknown;
    L4 l4 = L4::unknown;
    Role role = Role::none;
    bool connected = false;       // connect succeeded or is in progress, or accepted
    bool server_socket = false;   // bound, no peer: only tuple.destination is meant
    bool upper_layer = false;
    bool lower_layer = false;
    bool created_here = false;    // opened with O_CREAT
    uint32_t open_flags = 0;      // PPM_O_*
    uint64_t dev = 0;
    uint64_t ino = 0;
    int64_t pid = 0;              // pidfd: the process that it stands for; 0 unknown
    std::string name;
    std::string name_raw;
    uint64_t named_at = 0;        // the state's count of events when the name was given; 0: not by an event
    std::string proven;           // what /proc called the file when it was last found to be the one of that name
    Tuple tuple;                  // source = client end, destination = server end; paths point into `unix_path`
    std::string unix_path;

    FdInfo() = default;
    FdInfo(const FdInfo& o) { *this = o; }
    FdInfo& operator=(const FdInfo& o);
    bool is_socket() const {
        return type == FdType::ipv4 || type == FdType::ipv6 || type == FdType::unix_socket || type == FdType::netlink;
    }
    bool is_ip() const { return type == FdType::ipv4 || type == FdType::ipv6; }
    bool is_file() const { return type == FdType::file; }
    bool is_directory() const { return type == FdType::directory; }
    // Copies the tuple, keeping a unix path in own memory, and renews `name`.
    void set_tuple(const Tuple& t);
};

// What a text of /proc/PID/fd/N says: "/etc/x", "socket:[12]", "pipe:[3]", "anon_inode:[eventfd]", "/memfd:name (deleted)".
// A file's name may end like what the kernel says of those that are gone: `gone` false keeps that end.
FdInfo fd_from_proc_text(std::string_view text, bool gone = true);
// Whether the text of a file is one of which that must be known.
bool says_deleted(std::string_view text);

}  // namespace undercoat::state
