// See ruleset_store.h.
#include "collector/policy/ruleset_store.h"

#include <boost/json.hpp>

namespace undercoat::collector {

std::string files_text(const Ruleset& ruleset) {
    boost::json::array out;
    for (const auto& [name, content] : ruleset.files) out.push_back({{"name", name}, {"content", content}});
    return boost::json::serialize(out);
}

void read_files(const std::string& text, Ruleset& ruleset) {
    boost::system::error_code error;
    const auto files = boost::json::parse(text, error);
    if (error || !files.is_array()) return;
    for (const auto& f : files.get_array())
        ruleset.files.emplace_back(f.at("name").as_string(), f.at("content").as_string());
}

std::optional<Ruleset> RulesetStore::find(const std::string& name, std::optional<uint64_t> number) {
    if (number) return version(name, *number);
    for (Ruleset& r : current())
        if (r.name == name) return std::move(r);
    return std::nullopt;
}

Result<uint64_t> RulesetStore::put(const Ruleset& ruleset) try {
    return insert(ruleset, false);
} catch (const std::exception& e) {
    return Error{std::string("The ruleset cannot be stored: ") + e.what() + "."};
}

Result<bool> RulesetStore::remove(const std::string& name) try {
    const auto known = find(name);
    if (!known) return false;
    insert(*known, true);
    return true;
} catch (const std::exception& e) {
    return Error{std::string("The ruleset cannot be removed: ") + e.what() + "."};
}

}  // namespace undercoat::collector
