// Fields of the thread: thread.*, and the standard streams of its process.
#include "supervisor/fields/field.h"
#include "supervisor/fields/flag_names.h"

#include <algorithm>

namespace undercoat::fields {
namespace {

using T = FieldType;

template <uint64_t Thread::*set>
Value capabilities(const Access& a) {
    return a.thread ? Value::text(capabilities_text(a.thread->*set, a.arena)) : Value();
}

// "cpuset=/a" entries, NUL-separated, one of which has the wanted name.
Value one_cgroup(const Access& a) {
    if (!a.thread) return {};
    std::string_view rest = a.thread->main().cgroups;
    while (!rest.empty()) {
        const size_t end = std::min(rest.find('\0'), rest.size());
        const std::string_view entry = rest.substr(0, end);
        if (entry.size() > a.ref.key.size() && entry.starts_with(a.ref.key) && entry[a.ref.key.size()] == '=')
            return Value::text(entry.substr(a.ref.key.size() + 1));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return {};
}

Value all_cgroups(const Access& a) {
    if (!a.thread) return {};
    std::string s = a.thread->main().cgroups;
    while (!s.empty() && s.back() == '\0') s.pop_back();
    std::replace(s.begin(), s.end(), '\0', ' ');
    return a.copy(s);
}

template <int number>
Value stream_type(const Access& a) {
    const FdInfo* fd = a.thread ? a.thread->fd(number) : nullptr;
    return fd ? Value::text(state::type_name(fd->type)) : Value();
}

template <int number>
Value stream_name(const Access& a) {
    const FdInfo* fd = a.thread ? a.thread->fd(number) : nullptr;
    return fd ? Value::text(fd->name) : Value();
}

Value of_main_thread(const Access& a, uint64_t value) { return Value::u64(a.thread->is_main() ? value : 0); }

Value call_stack(const Access& a) {
    if (a.event.captured.stack.empty() || !a.surroundings.stack) return {};
    const std::string_view s = a.surroundings.stack(a.event, a.thread ? a.thread->main().vpid : a.event.pid);
    return s.empty() ? Value() : a.copy(s);
}

constexpr Field kFields[] = {
    {"thread.cap_permitted", T::text, capabilities<&Thread::cap_permitted>, "permitted capabilities"},
    {"thread.cap_inheritable", T::text, capabilities<&Thread::cap_inheritable>, "inheritable capabilities"},
    {"thread.cap_effective", T::text, capabilities<&Thread::cap_effective>, "effective capabilities"},
    {"thread.pfmajor", T::uint64, [](const Access& a) { return a.thread ? Value::u64(a.thread->pgft_maj) : Value(); },
     "major page faults at exec"},
    {"thread.pfminor", T::uint64, [](const Access& a) { return a.thread ? Value::u64(a.thread->pgft_min) : Value(); },
     "minor page faults at exec"},
    {"thread.tid", T::int64, [](const Access& a) { return a.thread ? Value::i64(a.thread->tid) : Value(); }, "thread id"},
    {"thread.ismain", T::boolean, [](const Access& a) { return a.thread ? Value::boolean(a.thread->is_main()) : Value(); },
     "is the main thread"},
    {"thread.vtid", T::int64, [](const Access& a) { return a.thread ? Value::i64(a.thread->vtid) : Value(); },
     "thread id as the process sees it"},
    {"thread.exectime", T::reltime, unavailable, "scheduling is not captured"},
    {"thread.totexectime", T::reltime, unavailable, "scheduling is not captured"},
    {"thread.cgroups", T::text, all_cgroups, "all control groups"},
    Field{"thread.cgroup", T::text, one_cgroup, "the control group of one controller"}.key(ArgumentUse::required),
    {"thread.cpu", T::real, unavailable, "CPU use is not captured"},
    {"thread.cpu.user", T::real, unavailable, "CPU use is not captured"},
    {"thread.cpu.system", T::real, unavailable, "CPU use is not captured"},
    {"thread.vmsize", T::uint64,
     [](const Access& a) { return a.thread ? of_main_thread(a, a.thread->vm_size_kb) : Value(); },
     "virtual memory at exec, kB; 0 but for main threads"},
    {"thread.vmrss", T::uint64, [](const Access& a) { return a.thread ? of_main_thread(a, a.thread->vm_rss_kb) : Value(); },
     "resident memory at exec, kB; 0 but for main threads"},
    {"thread.stack", T::text, call_stack,
     "where the thread made the call: its functions, the innermost first, as function+0xoffset (module) <- …"},
    {"proc.stdin.type", T::text, stream_type<0>, "type of descriptor 0"},
    {"proc.stdout.type", T::text, stream_type<1>, "type of descriptor 1"},
    {"proc.stderr.type", T::text, stream_type<2>, "type of descriptor 2"},
    {"proc.stdin.name", T::text, stream_name<0>, "name of descriptor 0"},
    {"proc.stdout.name", T::text, stream_name<1>, "name of descriptor 1"},
    {"proc.stderr.name", T::text, stream_name<2>, "name of descriptor 2"},
};

}  // namespace

std::span<const Field> thread_fields() { return kFields; }

}  // namespace undercoat::fields
