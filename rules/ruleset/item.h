// Typed access to the keys of one item of a rules file; the first misfit is kept as an error.
#pragma once

#include "rules/ruleset/source_file.h"

#include <optional>
#include <span>

namespace undercoat::rules {

// Where the reading of one file stands: its problems so far.
struct FileContext {
    const RulesFile& file;
    uint32_t index;
    FileResult& result;
    bool failed = false;

    bool fail(Code code, std::string message, std::vector<Location> locations);
    void warn(Code code, std::string message, std::vector<Location> locations);
};

class Item {
public:
    // type: "rule", "exception" ...; path: the locations around it.
    Item(FileContext& context, YamlNode node, std::string type, std::vector<Location> path);

    void set_name(std::string name) { path_.back().item_name = std::move(name); }
    const Location& location() const { return path_.back(); }
    const std::vector<Location>& path() const { return path_; }
    std::vector<Location> path_to(const YamlNode& node, std::string type) const;
    FileContext& context() const { return context_; }

    bool has(const char* key) const;
    YamlNode get(const char* key) const;
    bool fail(Code code, std::string message) const;
    void warn(Code code, std::string message) const;

    // Each returns false after it has failed; an absent optional key leaves `out` as it is.
    bool require(const char* key) const;
    bool text(const char* key, std::string& out) const;
    bool text_part(const char* key, Text& out) const;  // appends one part
    bool boolean(const char* key, bool& out) const;
    bool unsigned_number(const char* key, uint64_t& out) const;
    bool text_list(const char* key, std::vector<std::string>& out) const;  // appends
    // ": 'rul' is probably meant to be 'rule'" where a key of the item is nearly one of these, else nothing.
    std::string misspelt(std::span<const std::string_view> wanted) const;
    // Warns about keys that are not among these, or stand twice.
    void check_keys(std::initializer_list<std::string_view> known) const;

private:
    bool scalar(const char* key, std::string& out) const;

    FileContext& context_;
    YamlNode node_;
    std::vector<Location> path_;
};

// ", did you mean 'x'?", or nothing if no known name is near.
std::string did_you_mean(std::string_view written, const std::vector<std::string_view>& known);

template <class Definitions>
std::vector<std::string_view> names_of(const Definitions& definitions) {
    std::vector<std::string_view> names;
    for (const auto& d : definitions) names.push_back(d.name);
    return names;
}

}  // namespace undercoat::rules
