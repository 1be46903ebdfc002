// Reads rules files: documents, items, engine and plugin requirements, lists and macros. Rules are in rule_reader.cc.
#include "rules/ruleset/reader.h"

#include "rules/ruleset/rule_reader.h"
#include "rules/ruleset/version.h"
#include "rules/ruleset/yaml_tree.h"

#include <algorithm>
#include <array>

namespace undercoat::rules {
namespace {

constexpr size_t max_flattened_items = 200'000;
constexpr std::array<std::string_view, 5> kKinds = {"rule", "macro", "list", "required_engine_version",
                                                    "required_plugin_versions"};

bool is_name(std::string_view s) {
    auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    auto more = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '_'; };
    return !s.empty() && letter(s[0]) && std::all_of(s.begin(), s.end(), more);
}

class Reader {
public:
    Reader(FileContext& context, const Catalogue& catalogue, const LoadOptions& options, Definitions& out)
        : context_(context), catalogue_(catalogue), options_(options), out_(out) {
        root_ = {{"rules content", "", {context.index, 1, 1, 0}}};
    }

    bool document(const YamlNode& doc) {
        if (!doc.IsDefined() || doc.IsNull()) return true;
        if (doc.IsScalar()) return context_.fail(Code::err_yaml_validate,
                                 "Rules content is not yaml: a file of rules is a list of items such as '- rule: NAME'", at(doc));
        if (!doc.IsSequence())
            return context_.fail(Code::err_yaml_validate,
                                 "Rules content is not yaml array of objects: each item begins with '- ' in the first column",
                                 at(doc));
        for (const auto& node : doc)
            if (!item(node)) return false;
        return true;
    }

private:
    std::vector<Location> at(const YamlNode& node) const {
        return {{"rules content", "", position_of(node, context_.index)}};
    }

    bool item(const YamlNode& node) {
        ++out_.items;
        if (!node.IsMap()) {
            std::vector<Location> path = root_;
            path.push_back({"rules content item", "", position_of(node, context_.index)});
            return context_.fail(Code::err_yaml_validate,
                                 "Unexpected element type. Each element should be a yaml associative array.", path);
        }
        if (node["required_engine_version"].IsDefined()) return engine_version(node);
        if (node["required_plugin_versions"].IsDefined()) return plugin_versions(node);
        if (node["list"].IsDefined()) return list(Item(context_, node, "list", root_));
        if (node["macro"].IsDefined()) return macro(Item(context_, node, "macro", root_));
        if (node["rule"].IsDefined())
            return read_rule(Item(context_, node, "rule", root_), catalogue_, out_);
        Item unknown(context_, node, "rules content item", root_);
        unknown.warn(Code::unknown_item, "Unknown top level item" + unknown.misspelt(kKinds) +
                                             "; an item has one of the keys rule, macro, list, required_engine_version, "
                                             "required_plugin_versions");
        return true;
    }

    bool engine_version(const YamlNode& node) {
        Item it(context_, node, "required_engine_version", root_);
        it.check_keys({"required_engine_version"});
        std::string text;
        if (!it.require("required_engine_version") || !it.text("required_engine_version", text)) return false;
        bool whole = !text.empty() && text.size() < 9 && text.find_first_not_of("0123456789") == text.npos;
        auto required = Version::parse(whole ? "0." + text + ".0" : text);
        if (!required)
            return it.fail(Code::err_yaml_validate, "Unable to parse engine version '" + text +
                                                        "' as a semver string. Expected \"x.y.z\" semver format.");
        auto ours = Version::parse(options_.engine_version);
        if (!ours || !ours->satisfies(*required))
            return it.fail(Code::err_validate, "Rules require engine version " + text + ", but engine version is " +
                                                   options_.engine_version + (ours && ours->major != required->major
                                                                                  ? ": the first number must be the same"
                                                                                  : "; take older rules or a newer program"));
        out_.required_engine_version = text;
        return true;
    }

    bool plugin_versions(const YamlNode& node) {
        Item it(context_, node, "required plugin versions", root_);
        it.check_keys({"required_plugin_versions"});
        YamlNode entries = it.get("required_plugin_versions");
        if (!entries.IsSequence())
            return it.fail(Code::err_yaml_validate, "Value of required_plugin_versions must be a sequence of entries such as "
                                                    "'- {name: container, version: 0.4.0}'");
        for (const auto& entry : entries) {
            std::vector<PluginVersion> alternatives;
            if (!plugin_entry(entry, "required plugin versions entry", it.path(), alternatives)) return false;
            const YamlNode fixed = entry;
            YamlNode others = fixed["alternatives"];
            if (others.IsDefined() && !others.IsSequence())
                return it.fail(Code::err_yaml_validate, "Value of plugin version alternatives must be a sequence");
            if (others.IsDefined())
                for (const auto& other : others)
                    if (!plugin_entry(other, "required plugin versions alternative", it.path(), alternatives))
                        return false;
            if (!plugin_present(alternatives)) return missing_plugin(it, alternatives);
            out_.required_plugins.push_back(std::move(alternatives));
        }
        return true;
    }

    bool plugin_entry(const YamlNode& node, const char* type, const std::vector<Location>& path,
                      std::vector<PluginVersion>& out) {
        Item it(context_, node, type, path);
        if (!node.IsMap()) return it.fail(Code::err_yaml_validate, "Plugin versions must be a map of name and version, such as "
                                                                         "{name: container, version: 0.4.0}");
        it.check_keys({"name", "version", "alternatives"});
        PluginVersion p;
        if (!it.require("name") || !it.text("name", p.name) || !it.require("version") || !it.text("version", p.version))
            return false;
        if (!Version::parse(p.version))
            return it.fail(Code::err_yaml_validate, "Unable to parse plugin version '" + p.version +
                                                        "' as a semver string. Expected \"x.y.z\" semver format.");
        out.push_back(std::move(p));
        return true;
    }

    bool plugin_present(const std::vector<PluginVersion>& alternatives) const {
        return std::any_of(alternatives.begin(), alternatives.end(), [&](const PluginVersion& wanted) {
            return std::any_of(options_.plugins.begin(), options_.plugins.end(), [&](const PluginVersion& have) {
                auto ours = Version::parse(have.version), theirs = Version::parse(wanted.version);
                return have.name == wanted.name && ours && theirs && ours->satisfies(*theirs);
            });
        });
    }

    bool missing_plugin(const Item& it, const std::vector<PluginVersion>& alternatives) const {
        std::string wanted, have;
        for (const PluginVersion& p : options_.plugins) have += (have.empty() ? "" : ", ") + p.name + " " + p.version;
        for (const PluginVersion& p : alternatives) wanted += (wanted.empty() ? "" : " or ") + p.name + " " + p.version;
        return it.fail(Code::err_validate, "Plugin requirement not satisfied, must load one of: " + wanted +
                                               "; there is " + (have.empty() ? "none" : have));
    }

    // Reads "append" and "override" of a list or macro with its one key.
    bool append_of(const Item& it, const char* key, bool& append, bool& replace) {
        bool old = false;
        if (!it.boolean("append", old)) return false;
        if (old) warn_append(it);
        YamlNode override = it.get("override");
        if (override.IsDefined() && old) return append_and_override(it);
        append = old;
        if (!override.IsDefined()) return true;
        if (!override.IsMap()) return bad_override(it);
        for (const auto& entry : override) {
            std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "";
            std::string mode = entry.second.IsScalar() ? entry.second.Scalar() : "";
            const auto fail = [&](std::string message) {
                return context_.fail(Code::err_validate, std::move(message), it.path_to(entry.first, "overrides"));
            };
            if (name != key) return fail("Key '" + name + "' cannot be overridden, use '" + key + "'");
            if (mode != "append" && mode != "replace")
                return fail("Invalid override mode '" + mode + "' for key '" + name +
                            "'. Allowed values are: 'append', 'replace'");
            (mode == "append" ? append : replace) = true;
        }
        return true;
    }

    bool name_of(Item& it, const char* key, std::string& name) {
        if (!it.require(key) || !it.text(key, name)) return false;
        it.set_name(name);
        return true;
    }

    bool list(Item it) {
        ListDefinition def;
        bool append = false, replace = false;
        if (!name_of(it, "list", def.name)) return false;
        it.check_keys({"list", "items", "append", "override"});
        if (!is_name(def.name)) warn_name(it, Code::invalid_list_name, "List");
        std::vector<std::string> items;
        if (!append_of(it, "items", append, replace) || !it.require("items") || !it.text_list("items", items))
            return false;
        auto known =
            std::find_if(out_.lists.begin(), out_.lists.end(), [&](const auto& l) { return l.name == def.name; });
        if (append && known == out_.lists.end())
            return it.fail(Code::err_validate,
                           "List uses 'append' or 'override.items: append' but no list by that name already exists" +
                               did_you_mean(def.name, names_of(out_.lists)));
        def.location = it.location();
        def.index = def.visibility = out_.items;
        if (known != out_.lists.end()) def.index = known->index;
        if (append) def.items = known->items;
        if (!flatten(it, items, def)) return false;
        if (known == out_.lists.end()) out_.lists.push_back(std::move(def));
        else *known = std::move(def);
        return true;
    }

    // Items that name lists defined before stand for the items of those.
    bool flatten(const Item& it, const std::vector<std::string>& items, ListDefinition& def) {
        for (const std::string& item : items) {
            auto inner = std::find_if(out_.lists.begin(), out_.lists.end(),
                                      [&](const auto& l) { return l.name == item && l.name != def.name; });
            if (inner == out_.lists.end()) def.items.push_back(item);
            else {
                inner->used_by_list = true;
                def.items.insert(def.items.end(), inner->items.begin(), inner->items.end());
            }
            if (def.items.size() > max_flattened_items)
                return it.fail(Code::err_validate, "The list has more than " + std::to_string(max_flattened_items) +
                                                       " items, those of its inner lists counted");
        }
        return true;
    }

    bool macro(Item it) {
        MacroDefinition def;
        bool append = false, replace = false;
        if (!name_of(it, "macro", def.name)) return false;
        it.check_keys({"macro", "condition", "append", "override"});
        if (!is_name(def.name)) warn_name(it, Code::invalid_macro_name, "Macro");
        auto known =
            std::find_if(out_.macros.begin(), out_.macros.end(), [&](const auto& m) { return m.name == def.name; });
        bool exists = known != out_.macros.end();
        if (!append_of(it, "condition", append, replace) || !it.require("condition")) return false;
        if (append && !exists)
            return it.fail(
                Code::err_validate,
                "Macro uses 'append' or 'override.condition: append' but no macro by that name already exists" +
                    did_you_mean(def.name, names_of(out_.macros)));
        if (append) def.condition = known->condition;
        if (!it.text_part("condition", def.condition)) return false;
        def.location = it.location();
        def.index = def.visibility = out_.items;
        if (exists) def.index = known->index;
        if (exists) *known = std::move(def);
        else out_.macros.push_back(std::move(def));
        return true;
    }

    static void warn_name(const Item& it, Code code, const std::string& what) {
        it.warn(code, what + " has an invalid name. " + what +
                          " names should match a regular expression: ^[a-zA-Z][a-zA-Z0-9_]*$");
    }

    FileContext& context_;
    const Catalogue& catalogue_;
    const LoadOptions& options_;
    Definitions& out_;
    std::vector<Location> root_;
};

}  // namespace

void warn_append(const Item& it) {
    it.warn(Code::deprecated_item,
            "'append' key is deprecated. Add an 'append' entry (e.g. 'condition: append') under 'override' instead.");
}

bool bad_override(const Item& it) {
    return it.context().fail(Code::err_yaml_validate,
                             "'override' must be a map of keys and modes, such as {condition: append}",
                             it.path_to(it.get("override"), "overrides"));
}

bool append_and_override(const Item& it) {
    return it.fail(Code::err_validate,
                   "Keys 'override' and 'append: true' cannot be used together. Add an 'append' entry "
                   "(e.g. 'condition: append') under 'override' instead.");
}

bool read_definitions(FileContext& context, const Catalogue& catalogue, const LoadOptions& options, Definitions& out) {
    std::vector<Location> root = {{"rules content", "", {context.index, 1, 1, 0}}};
    const auto loaded = YamlTree::load(context.file.content);
    if (const auto* p = std::get_if<YamlProblem>(&loaded)) {
        root.front().position = {context.index, p->line, p->column, p->offset};
        // The beginning is what people search for.
        return context.fail(Code::err_yaml_parse, "yaml-cpp: error at line " + std::to_string(p->line) + ", column " +
                                                      std::to_string(p->column) + ": " + p->message, std::move(root));
    }
    Reader reader(context, catalogue, options, out);
    const auto& documents = std::get<YamlTree>(loaded).documents();
    return std::all_of(documents.begin(), documents.end(), [&](const YamlNode& d) { return reader.document(d); });
}

}  // namespace undercoat::rules
