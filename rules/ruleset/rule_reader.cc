// Reads rule items: definitions, appends, overrides, and the toggling of "enabled". See rule_reader.h.
#include "rules/ruleset/rule_reader.h"

#include "rules/ruleset/exceptions.h"

#include <algorithm>
#include <array>
#include <map>

namespace undercoat::rules {
namespace {

enum class Mode : uint8_t { append, replace };

constexpr std::array<std::string_view, 5> appendable = {"condition", "output", "desc", "tags", "exceptions"};
constexpr std::array<std::string_view, 12> replaceable = {
    "condition", "output", "desc", "tags", "exceptions", "priority", "enabled", "warn_evttypes",
    "skip-if-unknown-filter", "capture", "capture_duration", "source"};

template <class Names>
bool among(const Names& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

template <class Names>
std::string listed(const Names& names) {
    std::string out;
    for (std::string_view name : names)
        if (name != "source") out.append(out.empty() ? "" : ", ").append(name);
    return out;
}

std::string nearest_priority(const std::string& written) {
    std::string upper;
    for (char c : written) upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    return did_you_mean(upper, {"EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"});
}

class RuleReader {
public:
    RuleReader(Item item, const Catalogue& catalogue, Definitions& out)
        : item_(std::move(item)), catalogue_(catalogue), out_(out) {}

    bool read() {
        if (!item_.require("rule") || !item_.text("rule", name_)) return false;
        item_.set_name(name_);
        item_.check_keys({"rule", "condition", "output", "desc", "priority", "source", "enabled", "tags", "exceptions",
                          "skip-if-unknown-filter", "warn_evttypes", "capture", "capture_duration", "append",
                          "override", "capture_events", "capture_filesize"});
        known_ = find();
        bool append = false;
        if (!item_.boolean("append", append)) return false;
        if (append) warn_append(item_);
        const bool overrides = item_.has("override") && !(item_.get("override").IsMap() && item_.get("override").size() == 0);
        if (append && overrides) return append_and_override(item_);
        if (!check_source()) return false;
        if (append) return read_append();
        if (overrides) return read_override();
        for (const char* key : {"condition", "output", "desc", "priority"})
            if (!item_.has(key)) return read_partial(key);
        return read_definition();
    }

private:
    RuleDefinition* find() {
        auto it = std::find_if(out_.rules.begin(), out_.rules.end(), [&](const auto& r) { return r.name == name_; });
        return it == out_.rules.end() ? nullptr : &*it;
    }

    bool check_source() {
        if (!item_.text("source", source_)) return false;
        if (known_ && !source_.empty() && source_ != known_->source)
            return item_.fail(Code::err_validate, "Rule has been re-defined with a different source: '" + source_ +
                                                      "' here, '" + known_->source + "' in line " +
                                                      std::to_string(known_->location.position.line));
        return true;
    }

    const Catalogue* field_catalogue(const RuleDefinition& rule) const {
        return rule.unknown_source ? nullptr : &catalogue_;
    }

    bool fail_at(const YamlNode& node, const char* type, std::string message) const {
        return item_.context().fail(Code::err_validate, std::move(message), item_.path_to(node, type));
    }

    bool missing(const char* how) {
        return item_.fail(Code::err_validate,
                          std::string("Rule uses ") + how + " but no rule by that name already exists" + near());
    }
    std::string near() const { return did_you_mean(name_, names_of(out_.rules)); }

    bool read_append() {
        if (!known_) return missing("'append' or 'override.<key>: append'");
        if (!item_.has("condition") && !item_.has("exceptions"))
            return item_.fail(Code::err_validate, "Appended rule must have exceptions or condition property");
        for (std::string_view key : appendable)
            if (item_.has(key.data()) && !set(*known_, key, Mode::append)) return false;
        known_->visibility = out_.items;
        return true;
    }

    bool read_override() {
        std::map<std::string, Mode, std::less<>> modes;
        if (!read_modes(modes)) return false;
        for (std::string_view key : replaceable) {
            bool named = modes.contains(key), present = item_.has(key.data());
            if (present && !named && key != "source")
                return fail_at(item_.get(key.data()), "value for",
                               "Unexpected key '" + std::string(key) +
                                   "': no corresponding entry under 'override' is defined.");
            if (named && !present)
                return fail_at(item_.get("override"), "overrides",
                               std::string("An ") +
                                      (modes.find(key)->second == Mode::append ? "append" : "replace") +
                                      " override for '" + std::string(key) + "' was specified but '" +
                                      std::string(key) + "' is not defined");
        }
        bool appends = std::any_of(modes.begin(), modes.end(), [](const auto& m) { return m.second == Mode::append; });
        if (!known_) return missing(appends ? "'append' or 'override.<key>: append'" : "'override.<key>: replace'");
        for (const auto& [key, mode] : modes)
            if (!set(*known_, key, mode)) return false;
        known_->visibility = out_.items;
        return true;
    }

    bool read_modes(std::map<std::string, Mode, std::less<>>& modes) {
        YamlNode override = item_.get("override");
        if (!override.IsMap()) return bad_override(item_);
        for (const auto& entry : override) {
            std::string key = entry.first.IsScalar() ? entry.first.Scalar() : "";
            std::string mode = entry.second.IsScalar() ? entry.second.Scalar() : "";
            if (mode != "append" && mode != "replace")
                return fail_at(entry.first, "overrides",
                               "Invalid override mode '" + mode + "' for key '" + key +
                                   "'. Allowed values are: 'append', 'replace'");
            bool allowed = mode == "append" ? among(appendable, key) : among(replaceable, key) && key != "source";
            if (!allowed)
                return fail_at(entry.first, "overrides",
                               "Key '" + key + "' cannot have the override mode " + mode + "; those that can: " +
                                   (mode == "append" ? listed(appendable) : listed(replaceable)));
            modes.emplace(key, mode == "append" ? Mode::append : Mode::replace);
        }
        return true;
    }

    // One of the four required keys is missing; only the old way of switching a rule on or off may do that.
    bool read_partial(const char* key) {
        if (!item_.has("enabled"))
            return item_.fail(Code::err_yaml_validate, "Item has no mapping for key '" + std::string(key) +
                                                           "'. Rules must have condition, output, desc, and priority" +
                                                           item_.misspelt(std::array<std::string_view, 1>{key}));
        if (!known_)
            return item_.fail(Code::err_validate, "Rule has 'enabled' key but no rule by that name already exists" + near());
        item_.warn(
            Code::deprecated_item,
            "The standalone 'enabled' key usage is deprecated. The correct approach requires also a 'replace' entry "
            "under the 'override' key (i.e. 'enabled: replace').");
        return item_.boolean("enabled", known_->enabled);
    }

    bool read_definition() {
        RuleDefinition rule;
        rule.name = name_;
        rule.source = source_.empty() ? "syscall" : source_;
        rule.unknown_source = rule.source != catalogue_.source();
        rule.location = item_.location();
        rule.index = rule.visibility = out_.items;
        if (known_) rule.index = known_->index;
        for (std::string_view key : replaceable)
            if (key != "source" && item_.has(key.data()) && !set(rule, key, Mode::replace)) return false;
        if (rule.unknown_source)
            item_.warn(Code::unknown_source, "Unknown source " + rule.source + ", skipping" +
                                               did_you_mean(rule.source, {catalogue_.source()}));
        if (known_) *known_ = std::move(rule);
        else out_.rules.push_back(std::move(rule));
        return true;
    }

    bool set(RuleDefinition& rule, std::string_view key, Mode mode) {
        bool append = mode == Mode::append;
        if (key == "condition") return set_text("condition", rule.condition, append);
        if (key == "output") return set_text("output", rule.output, append);
        if (key == "desc") return set_text("desc", rule.description, append);
        if (key == "tags") return set_tags(rule.tags, append);
        if (key == "priority") return set_priority(rule.priority);
        if (key == "enabled") return item_.boolean("enabled", rule.enabled);
        if (key == "warn_evttypes") return item_.boolean("warn_evttypes", rule.warn_evttypes);
        if (key == "skip-if-unknown-filter") return item_.boolean("skip-if-unknown-filter", rule.skip_if_unknown);
        if (key == "capture") return item_.boolean("capture", rule.capture);
        if (key == "capture_duration") return item_.unsigned_number("capture_duration", rule.capture_duration_ms);
        if (!append) rule.exceptions.clear();
        return read_exceptions(item_, append, field_catalogue(rule), rule.exceptions);
    }

    bool set_text(const char* key, Text& text, bool append) {
        if (!append) text.parts.clear();
        return item_.text_part(key, text);
    }

    bool set_tags(std::vector<std::string>& tags, bool append) {
        if (!append) tags.clear();
        if (!item_.get("tags").IsNull() && !item_.text_list("tags", tags)) return false;
        std::sort(tags.begin(), tags.end());
        tags.erase(std::unique(tags.begin(), tags.end()), tags.end());
        return true;
    }

    bool set_priority(Priority& priority) {
        std::string text;
        if (!item_.text("priority", text)) return false;
        auto named = priority_named(text);
        if (!named)
            return item_.context().fail(Code::err_yaml_validate,
                                        "Invalid priority '" + text +
                                            "'. Allowed values are: Emergency, Alert, Critical, "
                                            "Error, Warning, Notice, Informational, Debug" + nearest_priority(text),
                                        item_.path_to(item_.get("priority"), "rule priority"));
        priority = *named;
        return true;
    }

    Item item_;
    const Catalogue& catalogue_;
    Definitions& out_;
    std::string name_, source_;
    RuleDefinition* known_ = nullptr;
};

}  // namespace

bool read_rule(Item item, const Catalogue& catalogue, Definitions& out) {
    return RuleReader(std::move(item), catalogue, out).read();
}

}  // namespace undercoat::rules
