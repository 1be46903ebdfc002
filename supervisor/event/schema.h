// The event schema: which event types exist and which parameters each has, in order.
//
// The tables are generated from wire/local/syscalls.toml (schema.gen.cc). Must stay true: the index into kEvents is the
// numeric value of wire::Call, so a type never needs to be mapped; nothing beside the table knows a parameter's position
// (code asks find_param once and keeps the index).
#pragma once

#include <cstdint>
#include <string_view>

namespace undercoat::event {

// What a parameter is; decides its kind in an Event and how it prints. The names are those of Falco's event table.
enum class ParamType : uint8_t {
    INT8, INT16, INT32, INT64, UINT8, UINT16, UINT32, UINT64,
    ERRNO, FD, FD32, PID, PID32, UID, GID, SIGTYPE, SYSCALLID, PORT,
    FLAGS8, FLAGS16, FLAGS32, ENUMFLAGS8, ENUMFLAGS16, ENUMFLAGS32, MODE,
    RELTIME, ABSTIME, SIGSET, BOOL, DOUBLE, DYN,
    CHARBUF, FSPATH, FSRELPATH, BYTEBUF, CHARBUFARRAY, CHARBUF_PAIR_ARRAY,
    SOCKADDR, SOCKTUPLE, FDLIST, IPV4ADDR, IPV6ADDR,
};

enum class ParamFormat : uint8_t { NA, DEC, HEX, OCT };

struct Param {
    const char* name;
    ParamType type;
    ParamFormat format;
    const char* detail;  // a flag table's name, "DIRFD_PARAM(i)" of a relative path, or ""
};

enum EventFlag : uint32_t {
    kFdUses = 1,
    kFdCreates = 2,
    kFdDestroys = 4,
    kFdReads = 8,
    kFdWrites = 16,
    kModifiesState = 32,
    kWaits = 64,
    kOld = 128,
    kGeneric = 256,     // a system call without parameters of its own
    kNotSyscall = 512,  // a tracepoint or an event of the engine itself
};

struct EventInfo {
    const char* name;      // Falco's evt.type
    const char* category;  // Falco's evt.category
    uint32_t flags;        // EventFlag bits
    const Param* params;
    unsigned nparams;
    const char* const* arg_names;  // the kernel's arguments
    unsigned nargs;
};

extern const EventInfo kEvents[];
extern const unsigned kEventCount;

// The most parameters that any type has.
inline constexpr unsigned kMaxParams = 40;

// Position of the parameter, or -1.
int find_param(const EventInfo& info, std::string_view name);
// Event type by name, or -1.
int find_event(std::string_view name);
// The i of DIRFD_PARAM(i), or -1 where the parameter is no relative path.
int dirfd_param(const Param& param);

}  // namespace undercoat::event
