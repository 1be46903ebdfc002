// How the link of an executable is told. The kernel calls a memory file "/memfd:NAME (deleted)"; rules know it as "memfd:NAME"
// (FALCO_SPEC 10.6), without which the exceptions for container runtimes do not hold.
#pragma once

#include <string_view>

namespace undercoat::event {

// `link`: of /proc/PID/exe. The result lies in it.
inline std::string_view exe_name(std::string_view link) {
    constexpr std::string_view kMemfd = "/memfd:", kDeleted = " (deleted)";
    if (!link.starts_with(kMemfd)) return link;
    link.remove_prefix(1);
    if (link.ends_with(kDeleted)) link.remove_suffix(kDeleted.size());
    return link;
}

}  // namespace undercoat::event
