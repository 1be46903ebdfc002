// Fields of the event itself: evt.*, syscall.type.
#include "supervisor/fields/event_arguments.h"
#include "supervisor/fields/field.h"
#include "supervisor/fields/render.h"

#include "supervisor/fields/flag_names.h"
#include "supervisor/event/flags.h"

namespace undercoat::fields {
namespace {

using event::ParamValue;
using wire::Call;
using T = FieldType;

Value time_field(const Access& a, TimeForm form) { return Value::text(time_text(a.ts(), form, a.arena)); }
uint64_t since(uint64_t earlier, uint64_t now) { return earlier == 0 || earlier > now ? 0 : now - earlier; }

// The result as the parameter that carries it: res, or fd of a type that creates one.
const ParamValue* result_param(const Access& a, unsigned* index) {
    const auto& info = a.event.info();
    int at = event::find_param(info, "res");
    if (at < 0 && (info.flags & event::kFdCreates)) at = event::find_param(info, "fd");
    if (at < 0) return nullptr;
    *index = static_cast<unsigned>(at);
    const ParamValue& v = a.event.param(*index);
    return v.kind == ParamValue::Kind::number ? &v : nullptr;
}

Value result_text(const Access& a) {
    unsigned i = 0;
    const ParamValue* v = result_param(a, &i);
    if (!v) return {};
    if (v->number >= 0) return Value::text("SUCCESS");
    const std::string_view name = errno_name(-v->number);
    return name.empty() ? a.number_text(v->number) : Value::text(name);
}

Value raw_result(const Access& a) {
    unsigned i = 0;
    const ParamValue* v = result_param(a, &i);
    return v ? Value::i64(v->number) : Value();
}

bool failed(const Access& a) {
    unsigned i = 0;
    const ParamValue* v = result_param(a, &i);
    return v && v->number < 0;
}

bool is_open(const Access& a) {
    return a.event.is(Call::open) || a.event.is(Call::openat) || a.event.is(Call::openat2) ||
           a.event.is(Call::open_by_handle_at);
}

// What reads, writes and the like are about is said by their descriptor.
std::string_view category(const Access& a) {
    const std::string_view own = a.event.info().category;
    if (!own.starts_with("io_")) return own == "ipc" ? "IPC" : own;
    switch (a.context.fd ? a.context.fd->type : state::FdType::unknown) {
        case state::FdType::file: case state::FdType::directory: return "file";
        case state::FdType::ipv4: case state::FdType::ipv6: return "net";
        case state::FdType::unix_socket: case state::FdType::pipe: case state::FdType::eventfd: case state::FdType::signalfd:
        case state::FdType::inotify: case state::FdType::userfaultfd: return "ipc";
        default: return "unknown";
    }
}

enum class Failure { none, file, net, memory, other };

// Of what kind a failed call is: by its descriptor, else what it would have made.
Failure failure(const Access& a) {
    if (!failed(a)) return Failure::none;
    if (a.context.fd && a.context.fd->type != state::FdType::unknown) {
        const auto type = a.context.fd->type;
        if (type == state::FdType::file || type == state::FdType::directory) return Failure::file;
        if (type == state::FdType::ipv4 || type == state::FdType::ipv6 || type == state::FdType::unix_socket) return Failure::net;
    } else if (is_open(a) || a.event.is(Call::creat)) {
        return Failure::file;
    } else if (a.event.info().category == std::string_view("net")) {
        return Failure::net;
    }
    return a.event.info().category == std::string_view("memory") ? Failure::memory : Failure::other;
}

template <Failure kind>
Value count_failure(const Access& a) {
    return failure(a) == kind ? Value::u64(1) : Value();
}

uint64_t number_of(const Access& a, std::string_view param) {
    const ParamValue& v = a.event.param(param);
    return v.kind == ParamValue::Kind::number ? v.u64() : 0;
}

Value opens_with(const Access& a, uint32_t flag) {
    return Value::boolean(is_open(a) && (number_of(a, "flags") & flag) != 0);
}

Value opens_executable(const Access& a) {
    const bool creates = a.event.is(Call::creat) ||
                         ((a.event.is(Call::open) || a.event.is(Call::openat) || a.event.is(Call::openat2)) &&
                          (number_of(a, "flags") & (event::kPpmOCreat | event::kPpmOTmpfile)) != 0);
    return Value::boolean(creates && (number_of(a, "mode") & 0111) != 0);
}

Value has_flag(const Access& a, uint32_t flags) { return Value::boolean((a.event.info().flags & flags) != 0); }

Value io_direction(const Access& a) {
    if (a.event.info().flags & event::kFdReads) return Value::text("read");
    if (a.event.info().flags & event::kFdWrites) return Value::text("write");
    return {};
}

Value is_syslog(const Access& a) {
    const bool writes = (a.event.info().flags & event::kFdWrites) != 0;
    return Value::boolean(writes && a.context.fd && a.context.fd->name.find("/dev/log") != std::string::npos);
}

Value buffer(const Access& a) {
    const ParamValue& v = a.event.param("data");
    return v.kind == ParamValue::Kind::bytes ? Value::bytes(v.text) : Value();
}

// The result of a call that reads or writes a known descriptor.
Value buffer_length(const Access& a) {
    unsigned i = 0;
    const ParamValue* v = result_param(a, &i);
    const bool io = std::string_view(a.event.info().category).starts_with("io_");
    return io && a.context.fd && v && v->number >= 0 ? Value::u64(v->u64()) : Value();
}

Value type_is(const Access& a) { return Value::u64(a.ref.key == a.event.name()); }

bool is_async(const Access& a) { return a.event.is(Call::notification) || a.event.is(Call::asyncevent); }

// The absolute path that the call names; with the argument "src" or "dst" one of two.
Value absolute_path(const Access& a) {
    unsigned wanted = a.ref.key == "dst" ? 1 : 0, seen = 0;
    for (unsigned i = 0; i < a.event.nparams(); ++i) {
        const auto type = a.event.info().params[i].type;
        if (type != event::ParamType::FSPATH && type != event::ParamType::FSRELPATH) continue;
        if (seen++ != wanted) continue;
        thread_local std::string path;  // keeps its memory
        return a.context.collapsed_path(i, path) ? a.copy(path) : Value();
    }
    return {};
}

constexpr Field kFields[] = {
    {"evt.num", T::uint64, [](const Access& a) { return Value::u64(a.num()); }, "number of the event, from 1"},
    {"evt.time", T::text, [](const Access& a) { return time_field(a, TimeForm::time); }, "local time with nanoseconds"},
    {"evt.time.s", T::text, [](const Access& a) { return time_field(a, TimeForm::time_seconds); }, "local time in seconds"},
    {"evt.time.iso8601", T::text, [](const Access& a) { return time_field(a, TimeForm::iso8601_utc); },
     "time in ISO 8601 form, UTC"},
    {"evt.datetime", T::text, [](const Access& a) { return time_field(a, TimeForm::datetime); },
     "local date and time with nanoseconds"},
    {"evt.datetime.s", T::text, [](const Access& a) { return time_field(a, TimeForm::datetime_seconds); },
     "local date and time in seconds"},
    {"evt.rawtime", T::abstime, [](const Access& a) { return Value::u64(a.ts()); }, "ns since the epoch"},
    {"evt.rawtime.s", T::abstime, [](const Access& a) { return Value::u64(a.ts() / 1000000000); },
     "seconds since the epoch"},
    {"evt.rawtime.ns", T::abstime, [](const Access& a) { return Value::u64(a.ts() % 1000000000); },
     "the part of evt.rawtime below a second, ns"},
    {"evt.reltime", T::reltime, [](const Access& a) { return Value::u64(since(a.surroundings.first_ts, a.ts())); },
     "ns since the first event"},
    {"evt.reltime.s", T::reltime,
     [](const Access& a) { return Value::u64(since(a.surroundings.first_ts, a.ts()) / 1000000000); },
     "seconds since the first event"},
    {"evt.reltime.ns", T::reltime,
     [](const Access& a) { return Value::u64(since(a.surroundings.first_ts, a.ts()) % 1000000000); },
     "the part of evt.reltime below a second, ns"},
    {"evt.pluginname", T::text, unavailable, "name of the plugin that made the event"},
    {"evt.plugininfo", T::text, unavailable, "the plugin's summary of the event"},
    Field{"evt.source", T::text, [](const Access&) { return Value::text("syscall"); }, "always syscall"}.by_type(),
    Field{"evt.is_async", T::boolean, [](const Access& a) { return Value::boolean(is_async(a)); }, "made by the engine itself"}.by_type(),
    Field{"evt.asynctype", T::text, [](const Access& a) { return is_async(a) ? Value::text(a.event.name()) : Value(); },
     "type of an event made by the engine itself"}.by_type(),
    {"evt.hostname", T::text, [](const Access& a) { return Value::text(a.surroundings.hostname); },
     "FALCO_HOSTNAME, or the host's name"},
    {"evt.deltatime", T::reltime, [](const Access& a) { return Value::u64(since(a.surroundings.last_ts, a.ts())); },
     "ns since the event before"},
    {"evt.deltatime.s", T::reltime,
     [](const Access& a) { return Value::u64(since(a.surroundings.last_ts, a.ts()) / 1000000000); },
     "seconds since the event before"},
    {"evt.deltatime.ns", T::reltime,
     [](const Access& a) { return Value::u64(since(a.surroundings.last_ts, a.ts()) % 1000000000); },
     "the part of evt.deltatime below a second, ns"},
    Field{"evt.latency", T::reltime, unavailable, "not measured"}.deprecated(),
    Field{"evt.latency.s", T::reltime, unavailable, "not measured"}.deprecated(),
    Field{"evt.latency.ns", T::reltime, unavailable, "not measured"}.deprecated(),
    Field{"evt.latency.human", T::text, unavailable, "not measured"}.deprecated(),
    Field{"evt.wait_latency", T::reltime, unavailable, "not measured"}.deprecated(),
    Field{"evt.outputtime", T::text, [](const Access& a) { return time_field(a, TimeForm::time); }, "local time"}
        .print_only(),
    Field{"evt.dir", T::text, [](const Access&) { return Value::text("<"); }, "always <"}.by_type().deprecated(),
    Field{"evt.type", T::text, [](const Access& a) { return Value::text(a.event.name()); }, "name of the call, such as openat"}.by_type(),
    Field{"evt.type.is", T::uint32, type_is, "1 if the event is of this type"}.by_type().key(ArgumentUse::required),
    Field{"syscall.type", T::text,
     [](const Access& a) {
         return a.event.info().flags & event::kNotSyscall ? Value() : Value::text(a.event.name());
     },
     "name of the system call"}.by_type(),
    {"evt.category", T::text, [](const Access& a) { return Value::text(category(a)); }, "file, net, process, …"},
    {"evt.cpu", T::int16, [](const Access& a) { return a.event.cpu < 0 ? Value() : Value::i64(a.event.cpu); },
     "number of the CPU; of events of captures only"},
    {"evt.args", T::text, [](const Access& a) { return Value::text(render_args(a)); }, "all arguments as name=value"},
    Field{"evt.arg", T::text, argument_text, "one argument as text: evt.arg.NAME or evt.arg[N]"}
        .key(ArgumentUse::required)
        .index(ArgumentUse::required)
        .dotted(),
    Field{"evt.rawarg", T::dynamic, argument_raw, "one argument as number or text: evt.rawarg.NAME"}
        .key(ArgumentUse::required)
        .dotted()
        .no_rhs()
        .no_transformer(),
    {"evt.info", T::text, [](const Access& a) { return Value::text(render_args(a)); }, "same as evt.args"},
    {"evt.buffer", T::bytes, buffer, "first 80 bytes of the data sent or received"},
    {"evt.buflen", T::uint64, buffer_length, "how much was read or written; evt.buffer holds the beginning of it"},
    {"evt.res", T::text, result_text, "SUCCESS, or the name of the error"},
    {"evt.rawres", T::int64, raw_result, "the result: a number >= 0, or -errno"},
    {"evt.failed", T::boolean, [](const Access& a) { return Value::boolean(failed(a)); }, "the call failed"},
    Field{"evt.is_io", T::boolean, [](const Access& a) { return has_flag(a, event::kFdReads | event::kFdWrites); },
     "reads from or writes to a descriptor"}.by_type(),
    Field{"evt.is_io_read", T::boolean, [](const Access& a) { return has_flag(a, event::kFdReads); }, "reads"}.by_type(),
    Field{"evt.is_io_write", T::boolean, [](const Access& a) { return has_flag(a, event::kFdWrites); }, "writes"}.by_type(),
    Field{"evt.io_dir", T::text, io_direction, "read or write"}.by_type(),
    Field{"evt.is_wait", T::boolean, [](const Access& a) { return has_flag(a, event::kWaits); }, "may make its thread wait"}.by_type(),
    {"evt.is_syslog", T::boolean, is_syslog, "writes to /dev/log"},
    {"evt.count", T::uint32, [](const Access&) { return Value::u64(1); }, "always 1"},
    {"evt.count.error", T::uint32, [](const Access& a) { return failed(a) ? Value::u64(1) : Value(); }, "1 if the call failed"},
    {"evt.count.error.file", T::uint32, count_failure<Failure::file>, "1 if a call on a file failed"},
    {"evt.count.error.net", T::uint32, count_failure<Failure::net>, "1 if a call on a socket failed"},
    {"evt.count.error.memory", T::uint32, count_failure<Failure::memory>, "1 if a memory call failed"},
    {"evt.count.error.other", T::uint32, count_failure<Failure::other>, "1 if any other call failed"},
    {"evt.count.exit", T::uint32, [](const Access&) { return Value::u64(1); }, "always 1"},
    Field{"evt.around", T::uint64, unavailable, "only of use on recordings"}.key(ArgumentUse::required),
    Field{"evt.abspath", T::text, absolute_path, "absolute path that the call names; [src] or [dst] of two"}.key(),
    {"evt.is_open_read", T::boolean, [](const Access& a) { return opens_with(a, event::kPpmORdonly); },
     "opens for reading"},
    {"evt.is_open_write", T::boolean, [](const Access& a) { return opens_with(a, event::kPpmOWronly); },
     "opens for writing"},
    {"evt.is_open_exec", T::boolean, opens_executable, "creates an executable file"},
    {"evt.is_open_create", T::boolean, [](const Access& a) { return opens_with(a, event::kPpmOFCreated); },
     "the open created the file"},
};

}  // namespace

Value unavailable(const Access&) { return {}; }

std::span<const Field> event_fields() { return kFields; }

}  // namespace undercoat::fields
