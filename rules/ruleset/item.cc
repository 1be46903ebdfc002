// Typed access to the keys of an item, see item.h.
#include "rules/ruleset/item.h"

#include <algorithm>
#include <array>
#include <map>

namespace undercoat::rules {
namespace {

constexpr size_t max_list_items = 200'000;

// Every key that some item of a rules file has.
constexpr std::array<std::string_view, 28> schema_keys = {
    "required_engine_version", "required_plugin_versions", "alternatives", "version", "list", "items", "macro", "rule",
    "condition", "output", "desc", "priority", "source", "enabled", "tags", "exceptions", "skip-if-unknown-filter",
    "warn_evttypes", "capture", "capture_duration", "append", "override", "name", "fields", "comps", "values",
    "capture_events", "capture_filesize"};

std::string given(const YamlNode& value) {
    return value.IsScalar() ? "; '" + value.Scalar().substr(0, 80) + "' was given" : "";
}

}  // namespace

std::string did_you_mean(std::string_view written, const std::vector<std::string_view>& known) {
    const std::string near = nearest_name(written, known);
    return near.empty() ? "" : ", did you mean '" + near + "'?";
}

bool FileContext::fail(Code code, std::string message, std::vector<Location> locations) {
    if (!failed) {
        std::string snippet = locations.empty() ? "" : snippet_at(file, locations.back().position);
        result.errors.push_back({code, std::move(message), std::move(locations), std::move(snippet)});
    }
    failed = true;
    return false;
}

void FileContext::warn(Code code, std::string message, std::vector<Location> locations) {
    std::string snippet = locations.empty() ? "" : snippet_at(file, locations.back().position);
    result.warnings.push_back({code, std::move(message), std::move(locations), std::move(snippet)});
}

Item::Item(FileContext& context, YamlNode node, std::string type, std::vector<Location> path)
    : context_(context), node_(std::move(node)), path_(std::move(path)) {
    path_.push_back({std::move(type), "", position_of(node_, context.index)});
}

std::vector<Location> Item::path_to(const YamlNode& node, std::string type) const {
    std::vector<Location> path = path_;
    path.push_back({std::move(type), "", position_of(node, context_.index)});
    return path;
}

bool Item::has(const char* key) const {
    return get(key).IsDefined();
}

YamlNode Item::get(const char* key) const {
    const YamlNode& node = node_;
    return node[key];
}

bool Item::fail(Code code, std::string message) const {
    return context_.fail(code, std::move(message), path_);
}

void Item::warn(Code code, std::string message) const {
    context_.warn(code, std::move(message), path_);
}

bool Item::require(const char* key) const {
    const std::array<std::string_view, 1> wanted = {key};
    if (!has(key))
        return fail(Code::err_yaml_validate, "Item has no mapping for key '" + std::string(key) + "'" + misspelt(wanted));
    if (get(key).IsNull())
        return context_.fail(Code::err_yaml_validate, "Mapping for key '" + std::string(key) + "' is empty",
                             path_to(get(key), "value for"));
    return true;
}

std::string Item::misspelt(std::span<const std::string_view> wanted) const {
    for (const auto& entry : node_) {
        if (!entry.first.IsScalar()) continue;
        const std::string& key = entry.first.Scalar();
        if (std::find(schema_keys.begin(), schema_keys.end(), key) != schema_keys.end()) continue;
        const std::string near = nearest_name(key, wanted);
        if (!near.empty()) return ": '" + key + "' is probably meant to be '" + near + "'";
    }
    return "";
}

bool Item::scalar(const char* key, std::string& out) const {
    YamlNode value = get(key);
    if (!value.IsDefined()) return true;
    if (!value.IsScalar() && !value.IsNull())
        return context_.fail(Code::err_yaml_validate, "Value of key '" + std::string(key) + "' is not a scalar value, but a " +
                                                        (value.IsMap() ? "map" : "list") + "; write one text",
                             path_to(value, "value for"));
    out = value.IsNull() ? "" : value.Scalar();
    return true;
}

bool Item::text(const char* key, std::string& out) const {
    return scalar(key, out);
}

bool Item::text_part(const char* key, Text& out) const {
    std::string text;
    if (!has(key)) return true;
    if (!require(key) || !scalar(key, text)) return false;
    out.parts.push_back({std::move(text), position_of(get(key), context_.index)});
    return true;
}

bool Item::boolean(const char* key, bool& out) const {
    YamlNode value = get(key);
    if (!value.IsDefined()) return true;
    if (value.IsScalar() && YAML::convert<bool>::decode(YAML::Node(value.Scalar()), out)) return true;
    return context_.fail(Code::err_yaml_validate, "Can't decode YAML scalar value of key '" + std::string(key) +
                                                      "', which is true or false" + given(value), path_to(value, "value for"));
}

bool Item::unsigned_number(const char* key, uint64_t& out) const {
    YamlNode value = get(key);
    if (!value.IsDefined()) return true;
    bool negative = value.IsScalar() && value.Scalar().starts_with('-');
    if (value.IsScalar() && !negative && YAML::convert<uint64_t>::decode(YAML::Node(value.Scalar()), out)) return true;
    return context_.fail(Code::err_yaml_validate, "Can't decode YAML scalar value of key '" + std::string(key) +
                                                      "', which is a whole number" + given(value), path_to(value, "value for"));
}

bool Item::text_list(const char* key, std::vector<std::string>& out) const {
    YamlNode value = get(key);
    if (!value.IsDefined()) return true;
    if (!value.IsSequence())
        return context_.fail(Code::err_yaml_validate, "Value of key '" + std::string(key) + "' is not a list; write [a, b], or a line '- a' for each",
                             path_to(value, "value for"));
    if (value.size() > max_list_items)
        return fail(Code::err_yaml_validate, "'" + std::string(key) + "' has more than " +
                                                 std::to_string(max_list_items) + " items");
    for (const auto& element : value) {
        if (!element.IsScalar())
            return context_.fail(Code::err_yaml_validate,
                                 "Elements of '" + std::string(key) + "' must be scalar values; a list cannot stand in it",
                                 path_to(element, "list item"));
        out.push_back(element.Scalar());
    }
    return true;
}

void Item::check_keys(std::initializer_list<std::string_view> known) const {
    const std::vector<std::string_view> names(known);
    std::map<std::string, int, std::less<>> seen;  // the line of each key
    for (const auto& entry : node_) {
        if (!entry.first.IsScalar()) continue;
        const std::string& key = entry.first.Scalar();
        const auto [first, is_new] = seen.emplace(key, entry.first.Mark().line + 1);
        if (!is_new)
            context_.warn(Code::unknown_key,
                          "Key '" + key + "' stands here again and is ignored; what counts is in line " + std::to_string(first->second),
                          path_to(entry.first, "value for"));
        if (std::find(known.begin(), known.end(), key) != known.end()) continue;
        if (std::find(schema_keys.begin(), schema_keys.end(), key) == schema_keys.end())
            context_.result.schema_valid = false;
        context_.warn(Code::unknown_key, "Unknown key '" + key + "'" + did_you_mean(key, names),
                      path_to(entry.first, "value for"));
    }
}

}  // namespace undercoat::rules
