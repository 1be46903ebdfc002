// Look-ups in the generated event tables.
#include "supervisor/event/schema.h"

#include <cstdlib>
#include <cstring>
#include <unordered_map>

namespace undercoat::event {

int find_param(const EventInfo& info, std::string_view name) {
    if (name.empty()) return -1;
    for (unsigned i = 0; i < info.nparams; ++i)  // asked several times for each event: most names differ in their first byte
        if (const char* p = info.params[i].name; *p == name.front() && name == p) return static_cast<int>(i);
    return -1;
}

int find_event(std::string_view name) {
    static const std::unordered_map<std::string_view, int> by_name = [] {
        std::unordered_map<std::string_view, int> m;
        for (unsigned i = 0; i < kEventCount; ++i) m.emplace(kEvents[i].name, static_cast<int>(i));
        return m;
    }();
    const auto it = by_name.find(name);
    return it == by_name.end() ? -1 : it->second;
}

int dirfd_param(const Param& param) {
    static constexpr char kPrefix[] = "DIRFD_PARAM(";
    if (std::strncmp(param.detail, kPrefix, sizeof kPrefix - 1) != 0) return -1;
    return std::atoi(param.detail + sizeof kPrefix - 1);
}

}  // namespace undercoat::event
