// Fills an event's parameters from what was captured.
//
// One plan per event type is made at the first use: for each parameter where its value comes from. A new call in the table
// needs nothing here as long as its parameters are named like the kernel's arguments.
#include "supervisor/event/decode.h"
#include "supervisor/event/flags.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <vector>

namespace undercoat::event {
namespace {

using wire::ArgKind;
using Filler = void (*)(Event&, unsigned param);
using ProcGetter = int64_t (*)(const wire::ProcInfo&);

struct Source {
    enum class From : uint8_t { nothing, result, argument, special, process } from = From::nothing;
    uint8_t arg = 0;
    ArgKind kind = ArgKind::none;
    Filler special = nullptr;
    ProcGetter process = nullptr;
};
using Plan = std::vector<Source>;

uint64_t reg(const Event& e, unsigned i) { return i < e.captured.nregs ? e.captured.regs[i] : 0; }

int64_t narrow(ParamType type, uint64_t v) {
    switch (type) {
        case ParamType::INT8: return static_cast<int8_t>(v);
        case ParamType::INT16: return static_cast<int16_t>(v);
        case ParamType::INT32:
        case ParamType::FD:
        case ParamType::FD32:
        case ParamType::PID:
        case ParamType::PID32: return static_cast<int32_t>(v);
        case ParamType::UINT8:
        case ParamType::SIGTYPE:
        case ParamType::FLAGS8:
        case ParamType::ENUMFLAGS8: return static_cast<uint8_t>(v);
        case ParamType::UINT16:
        case ParamType::PORT:
        case ParamType::FLAGS16:
        case ParamType::ENUMFLAGS16: return static_cast<uint16_t>(v);
        case ParamType::UINT32:
        case ParamType::UID:
        case ParamType::GID:
        case ParamType::MODE:
        case ParamType::FLAGS32:
        case ParamType::ENUMFLAGS32: return static_cast<uint32_t>(v);
        default: return static_cast<int64_t>(v);
    }
}

// Narrower than the int that the kernel reads.
bool is_short(ParamType t) {
    return t == ParamType::FLAGS8 || t == ParamType::ENUMFLAGS8 || t == ParamType::FLAGS16 || t == ParamType::ENUMFLAGS16;
}

void fill_argument(Event& e, unsigned i, const Source& s) {
    const Param& p = e.info().params[i];
    const Captured& c = e.captured;
    switch (p.type) {
        case ParamType::CHARBUF:
        case ParamType::FSPATH:
        case ParamType::FSRELPATH: {
            const std::string_view text = c.path[s.arg].data() != nullptr ? c.path[s.arg] : c.string[s.arg];
            if (text.data() == nullptr) return;
            e.set_text(i, text);
            return;
        }
        case ParamType::BYTEBUF:
            if (!c.buffer.empty()) e.set_bytes(i, c.buffer);
            else e.set_empty(i);
            return;
        case ParamType::SOCKADDR:
            if (c.sockaddr.family != Address::Family::none) e.set_address(i, c.sockaddr);
            else e.set_empty(i);
            return;
        default: break;
    }
    if (s.arg >= c.nregs) return;
    int64_t v = narrow(p.type, c.regs[s.arg]);
    if (p.type == ParamType::MODE) v &= 0177777;
    // The kernel's numbers may be wider than Falco's: F_DUPFD_CLOEXEC is 1030, its ENUMFLAGS8 26.
    else if (p.detail[0] != '\0' && dirfd_param(p) < 0)
        v = narrow(p.type, static_cast<uint64_t>(to_ppm(p.detail, is_short(p.type) ? static_cast<uint32_t>(c.regs[s.arg])
                                                                                   : static_cast<uint64_t>(v))));
    e.set_number(i, v);
}

// --- parameters that are no argument -----------------------------------------------------------------------------------

const wire::FileInfo* any_file(const Event& e) {
    for (const wire::FileInfo* f : e.captured.file)
        if (f != nullptr) return f;
    return nullptr;
}

uint64_t native_open_flags(const Event& e) {
    if (e.captured.has_open_how) return e.captured.open_how[0];
    return reg(e, e.is(Call::open) ? 1 : 2);
}

void open_flags_param(Event& e, unsigned i) {
    uint32_t v = open_flags(native_open_flags(e));
    const wire::FileInfo* f = any_file(e);
    if (f != nullptr && e.result >= 0 && f->mode != 0) {
        if (f->flags & wire::kUpperLayer) v |= kPpmFdUpperLayer;
        if (f->flags & wire::kLowerLayer) v |= kPpmFdLowerLayer;
    }
    e.set_number(i, v);
}

void open_mode_param(Event& e, unsigned i) {
    const uint64_t mode = e.captured.has_open_how ? e.captured.open_how[1] : reg(e, e.is(Call::open) ? 2 : 3);
    const bool used = native_open_flags(e) & (O_CREAT | O_TMPFILE);
    e.set_number(i, used ? static_cast<uint32_t>(mode) & 07777 : 0);
}

void resolve_param(Event& e, unsigned i) { e.set_number(i, openat2_resolve(e.captured.open_how[2])); }

void dev_param(Event& e, unsigned i) {
    const wire::FileInfo* f = any_file(e);
    e.set_number(i, f != nullptr ? static_cast<uint32_t>(f->dev) : 0);
}

void ino_param(Event& e, unsigned i) {
    const wire::FileInfo* f = any_file(e);
    e.set_number(i, f != nullptr ? static_cast<int64_t>(f->ino) : 0);
}

void creat_flags_param(Event& e, unsigned i) {
    const wire::FileInfo* f = any_file(e);
    const uint32_t flags = f != nullptr && e.result >= 0 ? f->flags : 0;
    e.set_number(i, (flags & wire::kUpperLayer ? kPpmFdUpperLayerCreat : 0u) |
                        (flags & wire::kLowerLayer ? +kPpmFdLowerLayerCreat : 0u));
}

// Flags of calls that take O_CLOEXEC and O_NONBLOCK only.
void descriptor_flags_param(Event& e, unsigned i) {
    constexpr uint64_t kUsed = O_CLOEXEC | O_NONBLOCK;
    const int flags_arg = e.is(Call::socket) ? 1 : static_cast<int>(e.info().nargs) - 1;
    e.set_number(i, open_flags(reg(e, static_cast<unsigned>(flags_arg)) & kUsed) & ~uint32_t{kPpmORdonly});
}

void zero_param(Event& e, unsigned i) { e.set_number(i, 0); }

// The tuple of connect: local -> peer; of accept: peer -> local; of send*: local -> destination.
void tuple_param(Event& e, unsigned i) {
    const Captured& c = e.captured;
    const wire::SocketInfo* s = c.socket[0];
    Address local = c.local, peer = c.peer;
    if (local.family == Address::Family::none && s != nullptr)
        local = parse_sockaddr(s->local, std::min<size_t>(s->local_len, sizeof s->local));
    if (c.sockaddr.family != Address::Family::none) peer = c.sockaddr;
    if (peer.family == Address::Family::none && s != nullptr)
        peer = parse_sockaddr(s->peer, std::min<size_t>(s->peer_len, sizeof s->peer));
    const bool accepted = e.is(Call::accept) || e.is(Call::accept4);
    const bool failed = e.result < 0 && e.result != -EINPROGRESS && e.result != -EAGAIN;
    if (peer.family == Address::Family::none || (accepted && failed)) return e.set_empty(i);
    if (local.family == Address::Family::none) local.family = peer.family;
    e.set_tuple(i, accepted ? Tuple{peer, local} : Tuple{local, peer});
}

void size_param(Event& e, unsigned i) {
    // sendmsg's size is the sum of its vectors: what was sent, where that is known.
    if (e.is(Call::sendmsg)) return e.set_number(i, e.result > 0 ? static_cast<uint32_t>(e.result) : 0);
    e.set_number(i, static_cast<uint32_t>(reg(e, 2)));
}

void data_param(Event& e, unsigned i) {
    if (e.captured.buffer.empty()) return e.set_empty(i);
    e.set_bytes(i, e.captured.buffer);
}

void prctl_text_param(Event& e, unsigned i) {
    if (e.captured.string[1].data() == nullptr) return e.set_empty(i);
    e.set_text(i, e.captured.string[1]);
}

void prctl_number_param(Event& e, unsigned i) { e.set_number(i, static_cast<int64_t>(reg(e, 1))); }

void capability_param(Event& e, unsigned i) {
    // struct __user_cap_data_struct twice: effective, permitted, inheritable as 32-bit halves.
    uint32_t words[6];
    const std::string_view data = e.captured.buffer;
    if (data.size() < 12) return e.set_number(i, 0);
    std::memset(words, 0, sizeof words);
    std::memcpy(words, data.data(), std::min(data.size(), sizeof words));
    const std::string_view name = e.info().params[i].name;
    const unsigned k = name == "cap_effective" ? 0 : name == "cap_permitted" ? 1 : 2;
    e.set_number(i, static_cast<int64_t>(words[k] | uint64_t{words[k + 3]} << 32));
}

void exit_param(Event& e, unsigned i) {
    const std::string_view name = e.info().params[i].name;
    if (e.result == wire::kStatusUnknown) {
        if (name == "core" || name == "reaper_tid") return e.set_number(i, 0);
        return;
    }
    const int64_t status = e.result;
    if (name == "status") e.set_number(i, status);
    else if (name == "ret") e.set_number(i, (status & 0x7f) == 0 ? status >> 8 & 0xff : 0);
    else if (name == "sig") e.set_number(i, status & 0x7f);
    else if (name == "core") e.set_number(i, (status & 0x80) != 0);
    else e.set_number(i, 0);
}

// --- execve and clone: from /proc where the trap looked ---------------------------------------------------------------

struct ProcessText {
    const char* name;
    Filler fill;
};

constexpr ProcessText kProcessTexts[] = {
    {"exe", [](Event& e, unsigned i) {
         const std::string_view argv = e.captured.argv;
         if (argv.data() != nullptr) e.set_text(i, argv.substr(0, argv.find('\0')));
     }},
    {"args", [](Event& e, unsigned i) {
         const std::string_view argv = e.captured.argv;
         if (argv.data() == nullptr) return;
         const size_t first = argv.find('\0');
         if (first == std::string_view::npos || first + 1 >= argv.size()) e.set_empty(i);
         else e.set_bytes(i, argv.substr(first + 1));
     }},
    {"env", [](Event& e, unsigned i) {
         if (e.captured.envp.data() == nullptr) return;
         if (e.captured.envp.empty()) e.set_empty(i);
         else e.set_bytes(i, e.captured.envp);
     }},
    {"cwd", [](Event& e, unsigned i) {
         if (!e.captured.cwd.empty()) e.set_text(i, e.captured.cwd);
     }},
    {"comm", [](Event& e, unsigned i) {
         if (!e.captured.comm.empty()) e.set_text(i, e.captured.comm);
     }},
    {"trusted_exepath", [](Event& e, unsigned i) {
         if (!e.captured.exe.empty()) e.set_text(i, e.captured.exe);
     }},
    {"filename", [](Event& e, unsigned i) {
         const unsigned arg = e.captured.path[0].data() == nullptr ? 1 : 0;
         if (e.captured.path[arg].data() != nullptr) e.set_text(i, e.captured.path[arg]);
     }},
};

struct ProcField {
    const char* name;
    ProcGetter get;
};

constexpr ProcField kProcFields[] = {
    {"fdlimit", [](const wire::ProcInfo& p) { return static_cast<int64_t>(p.fd_limit); }},
    {"pgft_maj", [](const wire::ProcInfo& p) { return static_cast<int64_t>(p.pgft_maj); }},
    {"pgft_min", [](const wire::ProcInfo& p) { return static_cast<int64_t>(p.pgft_min); }},
    {"vm_size", [](const wire::ProcInfo& p) { return static_cast<int64_t>(p.vm_size_kb); }},
    {"vm_rss", [](const wire::ProcInfo& p) { return static_cast<int64_t>(p.vm_rss_kb); }},
    {"vm_swap", [](const wire::ProcInfo& p) { return static_cast<int64_t>(p.vm_swap_kb); }},
    {"tty", [](const wire::ProcInfo& p) { return static_cast<int64_t>(p.tty_nr); }},
    {"ptid", [](const wire::ProcInfo& p) { return static_cast<int64_t>(p.ppid); }},
    {"vpgid", [](const wire::ProcInfo& p) { return static_cast<int64_t>(p.vpgid); }},
    {"vpid", [](const wire::ProcInfo& p) { return static_cast<int64_t>(p.vpid); }},
    {"pgid", [](const wire::ProcInfo& p) { return static_cast<int64_t>(p.pgid); }},
    {"loginuid", [](const wire::ProcInfo& p) { return static_cast<int64_t>(p.loginuid); }},
    {"cap_inheritable", [](const wire::ProcInfo& p) { return static_cast<int64_t>(p.cap_inheritable); }},
    {"cap_permitted", [](const wire::ProcInfo& p) { return static_cast<int64_t>(p.cap_permitted); }},
    {"cap_effective", [](const wire::ProcInfo& p) { return static_cast<int64_t>(p.cap_effective); }},
    {"exe_ino", [](const wire::ProcInfo& p) { return static_cast<int64_t>(p.exe_ino); }},
    {"exe_ino_ctime", [](const wire::ProcInfo& p) { return static_cast<int64_t>(p.exe_ctime); }},
    {"exe_ino_mtime", [](const wire::ProcInfo& p) { return static_cast<int64_t>(p.exe_mtime); }},
    {"uid", [](const wire::ProcInfo& p) { return static_cast<int64_t>(p.euid); }},
    {"gid", [](const wire::ProcInfo& p) { return static_cast<int64_t>(p.egid); }},
    {"pidns_init_start_ts", [](const wire::ProcInfo& p) { return static_cast<int64_t>(p.pidns_start); }},
};

// The executable's own flags; whether the caller could write it is known where the trap looked at that very file (a script's
// file is not its interpreter's).
void exec_flags_param(Event& e, unsigned i) {
    const wire::ProcInfo* p = e.captured.proc;
    if (p == nullptr) return;
    uint32_t flags = p->flags;
    const wire::FileInfo* f = e.captured.file[0];
    if (f != nullptr && f->ino == p->exe_ino && f->dev == p->exe_dev) flags |= f->flags;
    e.set_number(i, exe_flags(flags));
}

// The clone's flags are the call's; a birth has none.
void process_flags_param(Event& e, unsigned i) {
    if (e.is(Call::execve) || e.is(Call::execveat)) return exec_flags_param(e, i);
    e.set_number(i, e.kind == Kind::call && e.is(Call::clone) ? clone_flags(reg(e, 0)) : 0);
}

Filler process_filler(unsigned i, std::string_view name) {
    if (i == 0) return [](Event& e, unsigned at) { e.set_number(at, e.kind == Kind::birth ? 0 : e.result); };
    if (name == "tid" || name == "vtid") return [](Event& e, unsigned at) { e.set_number(at, e.tid); };
    if (name == "pid") return [](Event& e, unsigned at) { e.set_number(at, e.pid); };
    if (name == "flags") return process_flags_param;
    for (const ProcessText& t : kProcessTexts)
        if (name == t.name) return t.fill;
    return nullptr;
}

ProcGetter process_field(std::string_view name) {
    for (const ProcField& f : kProcFields)
        if (name == f.name) return f.get;
    return nullptr;
}

// --- plans --------------------------------------------------------------------------------------------------------------

struct Special {
    Call call;
    const char* param;
    Filler fill;
};

constexpr Special kSpecials[] = {
    {Call::open, "flags", open_flags_param}, {Call::open, "mode", open_mode_param},
    {Call::openat, "flags", open_flags_param}, {Call::openat, "mode", open_mode_param},
    {Call::openat2, "flags", open_flags_param}, {Call::openat2, "mode", open_mode_param},
    {Call::openat2, "resolve", resolve_param}, {Call::open_by_handle_at, "flags", open_flags_param},
    {Call::creat, "creat_flags", creat_flags_param},
    {Call::socket, "flags", descriptor_flags_param}, {Call::dup3, "flags", descriptor_flags_param},
    {Call::connect, "tuple", tuple_param}, {Call::accept, "tuple", tuple_param}, {Call::accept4, "tuple", tuple_param},
    {Call::sendto, "tuple", tuple_param}, {Call::sendmsg, "tuple", tuple_param},
    {Call::sendto, "size", size_param}, {Call::sendmsg, "size", size_param},
    {Call::sendto, "data", data_param}, {Call::sendmsg, "data", data_param},
    {Call::accept, "queuepct", zero_param}, {Call::accept, "queuelen", zero_param}, {Call::accept, "queuemax", zero_param},
    {Call::accept4, "queuepct", zero_param}, {Call::accept4, "queuelen", zero_param},
    {Call::accept4, "queuemax", zero_param},
    {Call::prctl, "arg2_str", prctl_text_param}, {Call::prctl, "arg2_int", prctl_number_param},
    {Call::capset, "cap_inheritable", capability_param}, {Call::capset, "cap_permitted", capability_param},
    {Call::capset, "cap_effective", capability_param},
};

bool is_process_call(uint16_t type) {
    for (Call c : {Call::execve, Call::execveat, Call::clone, Call::clone3, Call::fork, Call::vfork})
        if (type == type_of(c)) return true;
    return false;
}

Filler special_for(uint16_t type, const char* param) {
    for (const Special& s : kSpecials)
        if (type_of(s.call) == type && std::strcmp(s.param, param) == 0) return s.fill;
    if (std::strcmp(param, "dev") == 0 && type != type_of(Call::mknod) && type != type_of(Call::mknodat) &&
        type != type_of(Call::mount))
        return dev_param;
    if (std::strcmp(param, "ino") == 0) return ino_param;
    return nullptr;
}

Source source_for(uint16_t type, unsigned i) {
    const EventInfo& info = kEvents[type];
    Source s;
    if (type == type_of(Call::procexit)) return {Source::From::special, 0, ArgKind::none, exit_param};
    if (is_process_call(type)) {
        if (Filler f = process_filler(i, info.params[i].name)) return {Source::From::special, 0, ArgKind::none, f};
        s.from = Source::From::process;
        s.process = process_field(info.params[i].name);
        if (s.process == nullptr) s.from = Source::From::nothing;
        return s;
    }
    if (Filler f = special_for(type, info.params[i].name)) return {Source::From::special, 0, ArgKind::none, f};
    for (unsigned a = 0; a < info.nargs && a < Captured::kArgs; ++a)
        if (std::strcmp(info.arg_names[a], info.params[i].name) == 0 && !(i == 0 && info.flags & kFdCreates))
            return {Source::From::argument, static_cast<uint8_t>(a), wire::kCalls[type].args[a], nullptr};
    const ParamType type0 = info.params[i].type;
    if (i == 0 && (type0 == ParamType::ERRNO || type0 == ParamType::FD || type0 == ParamType::PID || type0 == ParamType::INT64))
        s.from = Source::From::result;
    return s;
}

std::vector<Plan> make_plans() {
    std::vector<Plan> plans(kEventCount);
    for (unsigned t = 0; t < kEventCount; ++t)
        for (unsigned i = 0; i < kEvents[t].nparams; ++i) plans[t].push_back(source_for(static_cast<uint16_t>(t), i));
    return plans;
}

}  // namespace

void fill_params(Event& e) {
    static const std::vector<Plan> plans = make_plans();
    const Plan& plan = plans[e.type];
    for (unsigned i = 0; i < plan.size(); ++i) {
        const Source& s = plan[i];
        switch (s.from) {
            case Source::From::result:
                if (e.has_result) e.set_number(i, e.result);
                break;
            case Source::From::argument: fill_argument(e, i, s); break;
            case Source::From::special: s.special(e, i); break;
            case Source::From::process:
                if (e.captured.proc != nullptr) e.set_number(i, s.process(*e.captured.proc));
                break;
            case Source::From::nothing: break;
        }
    }
}

}  // namespace undercoat::event
