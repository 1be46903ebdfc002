// Typed access to the keys of one item of a rules file; the first misfit is kept as an error.
#pragma once

#include "rules/ruleset/source_file.h"

#include <optional>

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
    Item(FileContext& context, YAML::Node node, std::string type, std::vector<Location> path);

    void set_name(std::string name) { path_.back().item_name = std::move(name); }
    const Location& location() const { return path_.back(); }
    const std::vector<Location>& path() const { return path_; }
    std::vector<Location> path_to(const YAML::Node& node, std::string type) const;
    FileContext& context() const { return context_; }

    bool has(const char* key) const;
    YAML::Node get(const char* key) const;
    bool fail(Code code, std::string message) const;
    void warn(Code code, std::string message) const;

    // Each returns false after it has failed; an absent optional key leaves `out` as it is.
    bool require(const char* key) const;
    bool text(const char* key, std::string& out) const;
    bool text_part(const char* key, Text& out) const;  // appends one part
    bool boolean(const char* key, bool& out) const;
    bool unsigned_number(const char* key, uint64_t& out) const;
    bool text_list(const char* key, std::vector<std::string>& out) const;  // appends
    // Warns about keys that are not among these.
    void check_keys(std::initializer_list<std::string_view> known) const;

private:
    bool scalar(const char* key, std::string& out) const;

    FileContext& context_;
    YAML::Node node_;
    std::vector<Location> path_;
};

}  // namespace undercoat::rules
