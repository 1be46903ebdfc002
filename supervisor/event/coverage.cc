// See coverage.h.
#include "supervisor/event/coverage.h"

namespace undercoat::event {
namespace {

constexpr CoverageWords kWords[] = {
    {"none", "", ""},
    {"secure_exec", "it runs with the rights of its file (set-user-id, set-group-id or capabilities), so the loader ignored our library",
     ""},
    {"unreadable", "its memory is closed to us: it has other ids or more capabilities, or has changed them and executed nothing since",
     "add the capability SYS_PTRACE to the container"},
    {"yama", "its memory is closed to us by Yama (kernel.yama.ptrace_scope)", "add the capability SYS_PTRACE to the container"},
    {"own_filter", "it has a seccomp filter of its own: calls that this refuses are not seen; nor those of its children", ""},
    {"own_listener", "it asked for a seccomp listener of its own, of which the kernel allows one", ""},
    {"other_root", "our library is not to be found in its root directory", "mount the bundle there, too"},
    {"no_filter", "it came into the container from outside, and no filter holds its calls", "start it below instrument"},
    {"preload_mode", "mode preload: static programs, raw system calls and what libc does within itself are not seen",
     "allow seccomp notifications or ptrace; see undercoat doctor"},
    {"foreign_abi", "it is a program for i386 or x32, for which there is no library of ours", ""},
    {"static_program", "it is statically linked and loads no library", "use mode full or trap"},
    {"library_missing", "it has not loaded our library", ""},
    {"masked", "a seccomp filter outside of ours answers a call before we see it", ""},
};
static_assert(sizeof kWords / sizeof *kWords == static_cast<size_t>(CoverageReason::count));

constexpr const char* kLevels[] = {"nothing", "part", "calls"};
static_assert(sizeof kLevels / sizeof *kLevels == static_cast<size_t>(CoverageLevel::count));

}  // namespace

const CoverageWords& words(CoverageReason r) { return kWords[r < CoverageReason::count ? static_cast<size_t>(r) : 0]; }

const char* level_name(CoverageLevel l) { return kLevels[l < CoverageLevel::count ? static_cast<size_t>(l) : 0]; }

bool coverage_of(int64_t code, CoverageReason& reason, CoverageLevel& level) {
    reason = static_cast<CoverageReason>(code & 0xff);
    level = static_cast<CoverageLevel>(code >> 8 & 0xff);
    return code >> 16 == 0 && reason != CoverageReason::none && reason < CoverageReason::count && level < CoverageLevel::count;
}

void fill_coverage(Event& e, CoverageReason reason, CoverageLevel level, std::string_view detail) {
    e.type = type_of(Call::coverage);
    std::string text = words(reason).meaning;
    if (!detail.empty()) text.append(": ").append(detail);
    e.set_text(0, words(reason).name);
    e.set_text(1, level_name(level));
    e.set_text(2, text);
    e.captured.text = e.param(2).text;
}

}  // namespace undercoat::event
