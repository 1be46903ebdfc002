// The decoded event: one thing that a process did, with its parameters in the order of the schema.
//
// Made from a record (decode.h), from its JSON form (json.h), or by name and parameter values in tests; from then on all
// stages read it and only state/ and decode add to it. Must stay true:
//  - everything it points to lies in its own memory, or is static; reset() makes it reusable without freeing;
//  - a parameter of a FLAGS or ENUMFLAGS type holds Falco's own constant (PPM_*), not the kernel's: flags.h converts at
//    decoding; the kernel's value stays in regs. MODE, domain, and signal numbers are the same in both;
//  - path parameters hold the text as the program gave it; state resolves them (state/state.h: Context::path);
//  - parameters are never trusted: text may hold any byte but NUL, numbers any value.
#pragma once

#include "supervisor/event/address.h"
#include "supervisor/event/memory.h"
#include "supervisor/event/schema.h"
#include "wire/local/calls.h"
#include "wire/local/record.h"

#include <span>
#include <string>
#include <string_view>

namespace undercoat::event {

using wire::Call;
constexpr uint16_t type_of(Call c) { return static_cast<uint16_t>(c); }

// Where a record stood. Unique for one run of instrument: it is the same after a restart of the supervisor, so outputs can
// tell an event that they have written already. ring 0: not from a ring (replay, tests); then position counts.
struct EventId {
    uint32_t ring = 0;
    uint64_t position = 0;
    bool operator==(const EventId&) const = default;
    std::string text() const;  // "ring:position"
};

struct PolledFd {
    int64_t fd;
    uint32_t events;
};

struct ParamValue {
    enum class Kind : uint8_t {
        missing,  // the event does not have it: NA
        empty,    // it is there with length 0
        number,   // every integer-like type; unsigned 64-bit values wrap
        text,     // CHARBUF, FSPATH, FSRELPATH
        bytes,    // BYTEBUF; vectors (execve args, env, cgroups) are NUL-separated with a NUL after the last
        address,  // SOCKADDR, IPV4ADDR, IPV6ADDR
        tuple,    // SOCKTUPLE
        fds,      // FDLIST
    };
    Kind kind = Kind::missing;
    uint8_t dyn = 0;  // DYN: which of its forms
    int64_t number = 0;
    std::string_view text{};  // text and bytes
    union {
        const Address* address = nullptr;
        const Tuple* tuple;
        const PolledFd* fds;  // text.size() / sizeof(PolledFd) of them
    };
    bool present() const { return kind != Kind::missing; }
    uint64_t u64() const { return static_cast<uint64_t>(number); }
};

enum class Kind : uint8_t {
    call,      // a system call
    birth,     // first sight of a process; type is clone with result 0, as the child sees it
    exit,      // type procexit
    name,      // a host name was looked up; no event type (kNoCall); for state and outputs only
    coverage,  // what of a process is not seen; type coverage
};

// What was captured beside the parameters. Index = the kernel's argument number; kept for state, fields and outputs.
struct Captured {
    static constexpr unsigned kArgs = 6;
    uint64_t regs[kArgs] = {};
    uint8_t nregs = 0;
    std::string_view path[kArgs];               // as given; data() is null where none was captured
    std::string_view string[kArgs];
    std::string_view fd[kArgs];                 // text of /proc/PID/fd/N
    const wire::SocketInfo* socket[kArgs] = {};
    const wire::FileInfo* file[kArgs] = {};
    const wire::ProcInfo* proc = nullptr;
    std::string_view argv{}, envp{};            // NUL-separated
    std::string_view cwd{}, exe{}, comm{}, cgroup{};
    std::string_view buffer{};
    std::string_view text{};                    // coverage: words for people, beyond those of its reason
    std::string_view stack{}, code{};           // wire::StackHead and stack, wire::CodeRange entries: hostile bytes
    Address sockaddr, local, peer;
    std::span<const Address> addresses{};       // name: the answers
    std::span<const uint32_t> children{};       // exit: children alive then
    uint64_t word[kArgs] = {};                  // one u64 read from memory
    bool has_word[kArgs] = {};
    bool has_open_how = false;
    uint64_t open_how[3] = {};                  // flags, mode, resolve
};

class Event {
public:
    Kind kind = Kind::call;
    uint16_t type = wire::kNoCall;  // index into kEvents
    EventId id;
    uint64_t num = 0;  // counts the events that rules see, from 1
    uint64_t ts = 0;   // ns since the epoch
    int64_t pid = 0;   // thread group; in instrument's pid name space
    int64_t tid = 0;
    wire::Origin origin = wire::Origin::scan;
    int16_t cpu = -1;      // -1: not known
    bool inferred = false;        // the result was derived before the call ran
    bool result_unknown = false;  // no result is known; treated as a success
    bool unreadable = false;      // the caller's memory could not be read
    bool foreign_abi = false;     // by the i386 or x32 entry
    bool masked = false;          // the trap never saw the call: a filter outside of ours answered it
    bool history = false;         // read again after a restart, for the state only: outputs have had it
    bool has_result = false;
    int64_t result = 0;           // as the kernel gave it; exit: the wait status; birth: the parent's pid
    Captured captured;

    Event() = default;
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    void reset(uint16_t new_type = wire::kNoCall);
    bool has_type() const { return type < kEventCount; }
    // Precondition of the next three: has_type().
    const EventInfo& info() const { return kEvents[type]; }
    const char* name() const { return info().name; }
    bool is(Call c) const { return type == type_of(c); }
    bool failed() const { return has_result && result < 0; }

    unsigned nparams() const { return has_type() ? info().nparams : 0; }
    const ParamValue& param(unsigned i) const { return params_[i]; }
    // Missing where this type has no such parameter.
    const ParamValue& param(std::string_view name) const;

    // Setters, for decode, json and tests. i < nparams(). Texts are copied into the event.
    void set_missing(unsigned i) { params_[i] = ParamValue{}; }
    void set_empty(unsigned i);
    void set_number(unsigned i, int64_t v);
    void set_text(unsigned i, std::string_view v);
    void set_bytes(unsigned i, std::string_view v);
    void set_address(unsigned i, const Address& v);
    void set_tuple(unsigned i, const Tuple& v);
    void set_fds(unsigned i, std::span<const PolledFd> v);
    Memory& memory() { return memory_; }

private:
    ParamValue params_[kMaxParams];
    Memory memory_;
};

// The descriptor that fd.* fields speak of: the fd parameter or the result of a type that uses, creates or destroys one.
// Falco's choice: creates_fd with a result parameter that is a descriptor: that one (for dup*: the new one is the result,
// fd.* speaks of it); else the parameter named fd; for *at calls that use the dirfd: the dirfd.
struct EventFd {
    bool exists = false;
    int64_t number = -1;
};
EventFd event_fd(const Event& e);

}  // namespace undercoat::event
