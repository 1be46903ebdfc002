// Parameters as text, see render.h.
#include "supervisor/fields/render.h"

#include "base/utf8.h"
#include "supervisor/fields/flag_names.h"

#include <cstring>
#include <ctime>

namespace undercoat::fields {
namespace {

using event::Param;
using event::ParamFormat;
using event::ParamType;
using event::ParamValue;

// The value as an unsigned number of its own width.
uint64_t masked(ParamType type, uint64_t v) {
    switch (type) {
        case ParamType::UINT8: case ParamType::FLAGS8: case ParamType::ENUMFLAGS8: case ParamType::SIGTYPE: return v & 0xff;
        case ParamType::UINT16: case ParamType::FLAGS16: case ParamType::ENUMFLAGS16: case ParamType::PORT:
        case ParamType::SYSCALLID: return v & 0xffff;
        case ParamType::UINT32: case ParamType::FLAGS32: case ParamType::ENUMFLAGS32: case ParamType::MODE:
        case ParamType::UID: case ParamType::GID: case ParamType::SIGSET: return v & 0xffffffff;
        default: return v;
    }
}

bool is_unsigned(ParamType type) {
    switch (type) {
        case ParamType::INT8: case ParamType::INT16: case ParamType::INT32: case ParamType::INT64: case ParamType::ERRNO:
        case ParamType::FD: case ParamType::FD32: case ParamType::PID: case ParamType::PID32: case ParamType::DYN: return false;
        default: return true;
    }
}

std::string_view based(uint64_t v, int base, const char* prefix, const Access& a) {
    char* to = static_cast<char*>(a.arena.allocate(32, 1));
    char* at = to;
    for (; *prefix; ++prefix) *at++ = *prefix;
    char* end = std::to_chars(at, to + 32, v, base).ptr;
    for (char* c = at; c != end; ++c)
        if (*c >= 'a' && *c <= 'f') *c = static_cast<char>(*c - 'a' + 'A');
    return {to, static_cast<size_t>(end - to)};
}

std::string_view number(const Param& p, int64_t v, const Access& a) {
    const uint64_t u = masked(p.type, static_cast<uint64_t>(v));
    if (p.format == ParamFormat::HEX) return based(u, 16, "", a);
    if (p.format == ParamFormat::OCT) return based(u, 8, u ? "0" : "", a);
    if (!is_unsigned(p.type)) return a.decimal(v);
    return based(u, 10, "", a);
}

std::string_view flag_names(const Param& p, uint64_t v, bool enumeration, const Access& a) {
    const FlagTable* table = find_flag_table(p.detail);
    if (!table) return {};
    const uint64_t u = masked(p.type, v);
    return enumeration ? enum_text(*table, u, a.arena) : flags_text(*table, u, a.arena);
}

std::string_view descriptor(int64_t fd, const Access& a) {
    if (fd == -100) return "AT_FDCWD";
    if (fd < 0) return errno_name(-fd);
    const FdInfo* info = a.thread ? a.thread->fd(fd) : nullptr;
    return info ? fd_text(*info, a.arena) : std::string_view();
}

std::string_view comm_of(int64_t pid, const Access& a) {
    const Thread* t = a.state.thread(pid);
    return t ? std::string_view(t->comm) : std::string_view();
}

std::string_view user_name(uint64_t uid, const Access& a) {
    const auto* user = a.state.user(static_cast<uint32_t>(uid));
    return user ? a.arena.copy(user->name) : kNotAvailable;
}

std::string_view group_name(uint64_t gid, const Access& a) {
    const auto* group = a.state.group(static_cast<uint32_t>(gid));
    return group ? a.arena.copy(group->name) : kNotAvailable;
}

Rendered identity(const ParamValue& v, bool is_user, const Access& a) {
    const uint64_t id = v.u64() & 0xffffffff;
    if (id == state::kUnknownId) return {true, "-1", "<NONE>"};
    return {true, a.decimal(static_cast<int64_t>(id)), is_user ? user_name(id, a) : group_name(id, a)};
}

Rendered number_param(const Param& p, const ParamValue& v, const Access& a) {
    switch (p.type) {
        case ParamType::FD: case ParamType::FD32:
            if (v.number == wire::kInferredFd) return {true, kNotAvailable, {}};
            return {true, a.decimal(v.number), descriptor(v.number, a)};
        case ParamType::ERRNO:
            return {true, a.decimal(v.number), v.number < 0 ? errno_name(-v.number) : std::string_view()};
        case ParamType::PID: case ParamType::PID32: return {true, a.decimal(v.number), comm_of(v.number, a)};
        case ParamType::UID: return identity(v, true, a);
        case ParamType::GID: return identity(v, false, a);
        case ParamType::SIGTYPE:
            return {true, a.decimal(static_cast<int64_t>(v.u64() & 0xff)),
                    signal_name(static_cast<int64_t>(v.u64() & 0xff), a.arena)};
        case ParamType::FLAGS8: case ParamType::FLAGS16: case ParamType::FLAGS32:
            return {true, based(masked(p.type, v.u64()), 10, "", a), flag_names(p, v.u64(), false, a)};
        case ParamType::ENUMFLAGS8: case ParamType::ENUMFLAGS16: case ParamType::ENUMFLAGS32:
            return {true, based(masked(p.type, v.u64()), 10, "", a), flag_names(p, v.u64(), true, a)};
        case ParamType::MODE: return {true, number(p, v.number, a), flag_names(p, v.u64(), false, a)};
        case ParamType::BOOL: return {true, v.number ? "true" : "false", {}};
        case ParamType::ABSTIME: return {true, time_text(v.u64(), TimeForm::datetime, a.arena), {}};
        default: return {true, number(p, v.number, a), {}};
    }
}

Rendered path_param(unsigned i, const ParamValue& v, const Access& a) {
    thread_local std::string shown;  // keeps its memory
    if (!a.context.path(i, shown)) return {true, v.text, {}};
    const bool absolute = v.text.empty() || v.text.front() == '/' || v.text == kNotAvailable;
    return {true, v.text, absolute && shown == v.text ? std::string_view() : a.arena.copy(shown)};
}

std::string_view polled(const ParamValue& v, const Access& a) {
    std::string s;
    const size_t n = v.text.size() / sizeof(event::PolledFd);
    for (size_t i = 0; i < n; ++i) {
        if (i) s += ' ';
        s += std::to_string(v.fds[i].fd) + ":" + std::to_string(v.fds[i].events);
    }
    return a.arena.copy(s);
}

}  // namespace

Rendered render_param(const Access& a, unsigned i) {
    const ParamValue& v = a.event.param(i);
    const Param& p = a.event.info().params[i];
    switch (v.kind) {
        case ParamValue::Kind::missing: return {};
        case ParamValue::Kind::empty: return {true, kNotAvailable, {}};
        case ParamValue::Kind::number: return number_param(p, v, a);
        case ParamValue::Kind::text:
            if (p.type == ParamType::FSPATH || p.type == ParamType::FSRELPATH) return path_param(i, v, a);
            if (a.event.is(wire::Call::chdir)) return path_param(i, v, a);
            return {true, v.text, {}};
        case ParamValue::Kind::bytes: return {true, printable(v.text, a.arena), {}};
        case ParamValue::Kind::address: return {true, a.arena.copy(event::to_text(*v.address)), {}};
        case ParamValue::Kind::tuple: return {true, a.arena.copy(event::to_text(*v.tuple)), {}};
        case ParamValue::Kind::fds: return {true, polled(v, a), {}};
    }
    return {};
}

std::string_view render_args(const Access& a) {
    std::string s;
    for (unsigned i = 0; i < a.event.nparams(); ++i) {
        const Rendered r = render_param(a, i);
        if (i) s += ' ';
        s.append(a.event.info().params[i].name).append("=").append(r.present ? r.raw : kNotAvailable);
        if (!r.resolved.empty()) s.append("(").append(r.resolved).append(")");
    }
    return a.arena.copy(s);
}

std::string_view printable(std::string_view bytes, Arena& arena) {
    char* to = static_cast<char*>(arena.allocate(bytes.size(), 1));
    for (size_t i = 0; i < bytes.size(); ++i) to[i] = bytes[i] >= 0x20 && bytes[i] < 0x7f ? bytes[i] : '.';
    return {to, bytes.size()};
}

std::string_view fd_text(const FdInfo& fd, Arena& arena) {
    std::string s = "<";
    s += state::type_char(fd.type);
    if (fd.is_ip() && fd.role != state::Role::none && fd.l4 != state::L4::unknown) s += state::l4_name(fd.l4)[0];
    s += '>';
    s += fd.name;
    return arena.copy(s);
}

std::string time_string(uint64_t ns, TimeForm form) {
    const time_t seconds = static_cast<time_t>(ns / 1000000000);
    tm parts{};
    if (form == TimeForm::iso8601_utc)
        ::gmtime_r(&seconds, &parts);
    else
        ::localtime_r(&seconds, &parts);
    const bool date = form == TimeForm::datetime || form == TimeForm::datetime_seconds;
    const char* format = form == TimeForm::iso8601_utc ? "%Y-%m-%dT%H:%M:%S" : date ? "%Y-%m-%d %H:%M:%S" : "%H:%M:%S";
    char text[64];
    size_t n = std::strftime(text, sizeof text, format, &parts);
    if (form != TimeForm::time_seconds && form != TimeForm::datetime_seconds) {
        text[n++] = '.';
        uint64_t fraction = ns % 1000000000;
        for (int i = 8; i >= 0; --i, fraction /= 10) text[n + static_cast<size_t>(i)] = static_cast<char>('0' + fraction % 10);
        n += 9;
    }
    return {text, n};
}

std::string_view time_text(uint64_t ns, TimeForm form, Arena& arena) {
    std::string s = time_string(ns, form);
    if (form == TimeForm::iso8601_utc) s += "+0000";
    return arena.copy(s);
}

std::string_view sanitized(std::string_view text, Arena& arena) {
    const size_t clean = harmless_prefix(text);
    if (clean == text.size()) return text;
    std::string s(text.substr(0, clean));
    append_harmless(text.substr(clean), s);
    return arena.copy(s);
}

}  // namespace undercoat::fields
