// Compiles Definitions: lists into texts, texts into trees, macros checked for their visibility, rules into the
// program.
// Must stay true: nothing here changes the definitions, so that they can be compiled again after the next file.
#include "rules/ruleset/build.h"

#include "rules/lang/hint.h"
#include "rules/lang/parser.h"
#include "rules/lang/printer.h"
#include "rules/ruleset/describe_condition.h"
#include "rules/ruleset/exceptions.h"
#include "rules/ruleset/macro_hint.h"
#include "rules/ruleset/source_file.h"
#include "rules/ruleset/substitute.h"
#include "rules/vm/compile.h"
#include "rules/vm/text_match.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace undercoat::rules {
namespace {

constexpr size_t max_printed_nodes = 200'000;
constexpr size_t too_many_event_types = 100;

// A condition ready to be compiled, and the way back from its text to the files.
struct Prepared {
    std::string text;  // as joined, with exceptions, before lists were put in
    // What stands in the files is [shift, shift + written) of it; exceptions put it in parentheses and follow.
    size_t shift = 0, written = 0;
    std::vector<std::pair<size_t, const ExceptionDefinition*>> exceptions;  // where in the text each one's part begins
    Substituted substituted;
    std::shared_ptr<const Node> tree;
};

class Builder {
public:
    Builder(const Definitions& definitions, std::span<const RulesFile> files, const Catalogue& catalogue,
            const LoadOptions& options)
        : definitions_(definitions),
          lists_(definitions.lists),
          files_(files),
          catalogue_(catalogue),
          options_(options),
          compiler_(catalogue, [this](std::string_view name) { return macro_tree(name); }, options.max_depth) {}

    BuildResult build() {
        std::vector<Rule> rules;
        bool ok = prepare_macros();
        for (size_t i = 0; ok && i < definitions_.rules.size(); ++i)
            if (!definitions_.rules[i].unknown_source) ok = add_rule(definitions_.rules[i], rules);
        if (ok) warn_unused();
        BuildResult out;
        out.problems = std::move(problems_);
        if (!ok) return out;
        RulesetInfo info = describe();
        out.ruleset = std::make_shared<Ruleset>(std::move(rules), compiler_.finish(), catalogue_.event_types().size(),
                                                std::move(info));
        return out;
    }

private:
    const Node* macro_tree(std::string_view name) {
        auto it = macros_.find(name);
        if (it == macros_.end()) return nullptr;
        used_macros_.insert(it->first);
        return it->second.tree.get();
    }

    void problem(Code code, std::string message, std::vector<Location> path) {
        const Position& at = path.back().position;
        Problem p{code, std::move(message), std::move(path), ""};
        if (at.file < files_.size()) p.snippet = snippet_at(files_[at.file], at);
        problems_.push_back(std::move(p));
    }
    bool fail(Code code, std::string message, std::vector<Location> path) {
        problem(code, std::move(message), std::move(path));
        return false;
    }

    static std::vector<Location> path_of(const Location& item) {
        return {{"rules content", "", {item.position.file, 1, 1, 0}}, item};
    }

    // The place of a byte of the substituted text, with the locations around it.
    std::vector<Location> place(const Prepared& p, const Text& text, const Location& item, size_t offset) const {
        std::vector<Location> path = path_of(item);
        size_t at = p.substituted.original(offset);
        at = at < p.shift ? 0 : at - p.shift;
        if (at <= p.written) {
            add_place(path, text, at, item.item_type + " condition", "condition expression");
            return path;
        }
        auto next = std::find_if(p.exceptions.begin(), p.exceptions.end(),
                                 [&](const auto& e) { return e.first > at + p.shift; });
        if (next == p.exceptions.begin()) path.push_back({"exceptions", "", item.position});
        else path.push_back((next - 1)->second->location);
        return path;
    }

    // The part of a text that holds the byte at `at` of the joined text, and below it the place itself.
    void add_place(std::vector<Location>& path, const Text& text, size_t at, std::string type, std::string exact) const {
        for (const TextPart& part : text.parts) {
            if (at > part.text.size() && &part != &text.parts.back()) {
                at -= part.text.size() + 1;
                continue;
            }
            path.push_back({std::move(type), "", part.position});
            path.push_back({std::move(exact), "",
                            position_inside(files_[part.position.file], part.position, part.text, at)});
            return;
        }
    }

    bool prepare(const Text& text, const std::string& suffix, const Location& item, Prepared& out) {
        out.text = text.joined();
        out.written = out.text.size();
        if (!suffix.empty()) {
            out.text = "(" + out.text + ")" + suffix;
            out.shift = 1;
        }
        auto substituted = substitute_lists(out.text, lists_);
        if (!substituted) return fail(Code::err_compile_condition, substituted.error(), path_of(item));
        out.substituted = std::move(*substituted);
        used_lists_.insert(out.substituted.lists.begin(), out.substituted.lists.end());
        auto parsed = parse_condition(out.substituted.text, {options_.max_depth});
        if (auto* e = std::get_if<ParseError>(&parsed))
            return fail(Code::err_compile_condition, e->message + syntax_hint(out.substituted.text, *e),
                        place(out, text, item, e->offset));
        out.tree = std::move(std::get<std::unique_ptr<Node>>(parsed));
        return true;
    }

    bool prepare_macros() {
        for (const MacroDefinition& m : definitions_.macros) {
            Prepared p;
            if (!prepare(m.condition, "", m.location, p)) return false;
            macros_.emplace(m.name, std::move(p));
        }
        for (const MacroDefinition& m : definitions_.macros) {
            const Prepared& p = macros_.find(m.name)->second;
            std::string undefined;
            size_t offset = 0;
            if (!sees_all(*p.tree, m.visibility, undefined, offset))
                return fail(Code::err_validate,
                            "Undefined macro '" + undefined + "' used in filter." +
                                macro_hint(undefined, definitions_, catalogue_, &m, written_at(p, offset)),
                            place(p, m.condition, m.location, offset));
        }
        return true;
    }

    // Whether every macro in the tree was defined before the item of that number.
    bool sees_all(const Node& node, size_t visibility, std::string& undefined, size_t& offset) const {
        if (node.kind == Node::Kind::macro) {
            auto it = std::find_if(definitions_.macros.begin(), definitions_.macros.end(),
                                   [&](const auto& m) { return m.name == node.name; });
            if (it != definitions_.macros.end() && it->index < visibility) return true;
            undefined = node.name;
            offset = node.offset;
            return false;
        }
        return std::all_of(node.children.begin(), node.children.end(),
                           [&](const auto& child) { return sees_all(*child, visibility, undefined, offset); });
    }

    bool add_rule(const RuleDefinition& def, std::vector<Rule>& rules) {
        std::string suffix;
        Prepared p;
        const size_t before = def.condition.joined().size() + 2;  // with its parentheses
        for (const ExceptionDefinition& ex : def.exceptions) {
            auto text = exception_condition(ex);
            if (!text)
                return fail(Code::err_validate, "The exceptions of the rule are too long", path_of(def.location));
            p.exceptions.emplace_back(before + suffix.size(), &ex);
            if (!text->empty()) suffix += " and " + *text;
        }
        if (!prepare(def.condition, suffix, def.location, p)) return false;
        auto compiled = compiler_.add_condition(*p.tree);
        if (auto* e = std::get_if<CompileError>(&compiled)) return condition_error(def, p, *e);
        auto& condition = std::get<CompiledCondition>(compiled);
        Rule rule;
        bool skipped = false;
        if (!add_output(def, rule, skipped)) return false;
        if (skipped) return true;
        condition_warnings(def, p, condition);
        fill(rule, def, p, condition);
        rules.push_back(std::move(rule));
        return true;
    }

    bool condition_error(const RuleDefinition& def, const Prepared& p, const CompileError& e) {
        if (e.unknown_name && def.skip_if_unknown) {
            problem(Code::unknown_filter, e.message, path_of(def.location));
            return true;
        }
        Code code = e.bad_macro ? Code::err_validate : Code::err_compile_condition;
        std::string message = e.message;
        if (e.bad_macro && !e.undefined_macro.empty()) {
            const Prepared& where = e.macro.empty() ? p : macros_.find(e.macro)->second;
            message += macro_hint(e.undefined_macro, definitions_, catalogue_, nullptr, written_at(where, e.offset));
        }
        return fail(code, std::move(message), path_to(def, p, e.macro, e.offset));
    }

    // The word of the text before substitution that stands for the byte of the text after it.
    static std::string_view written_at(const Prepared& p, size_t offset) {
        const std::string_view rest = std::string_view(p.text).substr(std::min(p.substituted.original(offset), p.text.size()));
        return rest.substr(0, std::min(rest.find_first_of(" \t\r\n(),="), rest.size()));
    }

    // A place in the rule's condition, or in that of a macro it uses.
    std::vector<Location> path_to(const RuleDefinition& def, const Prepared& p, const std::string& macro,
                                  size_t offset) {
        if (macro.empty()) return place(p, def.condition, def.location, offset);
        auto m = std::find_if(definitions_.macros.begin(), definitions_.macros.end(),
                              [&](const auto& x) { return x.name == macro; });
        std::vector<Location> path = path_of(def.location);
        auto inner = place(macros_.find(macro)->second, m->condition, m->location, offset);
        path.insert(path.end(), inner.begin() + 1, inner.end());
        return path;
    }

    void condition_warnings(const RuleDefinition& def, const Prepared& p, const CompiledCondition& condition) {
        for (const CompileWarning& w : condition.warnings) {
            auto path = path_to(def, p, w.macro, w.offset);
            // A macro's warning is given once, not for each rule that uses the macro.
            const Position& at = path.back().position;
            if (!w.macro.empty() && !warned_.emplace(w.code, at.file, at.offset).second) continue;
            problem(w.code, w.message, std::move(path));
        }
        if (def.warn_evttypes && condition.event_types.count() > too_many_event_types)
            problem(Code::no_evttype,
                    "Rule matches too many evt.type values. This has a significant performance penalty. Add a check of evt.type, "
                    "or set warn_evttypes: false",
                    path_of(def.location));
    }

    bool add_output(const RuleDefinition& def, Rule& rule, bool& skipped) {
        std::string text = def.output.joined();
        auto path = path_of(def.location);
        if (!def.output.parts.empty()) path.push_back({"rule output", "", def.output.parts.front().position});
        for (size_t at; (at = text.find("%container.info")) != text.npos;) {
            text.erase(at, std::string_view("%container.info").size());
            problem(Code::deprecated_item, "%container.info is deprecated and ignored", path);
        }
        rule.output_text = text;
        auto parsed = OutputTemplate::parse("*" + text, catalogue_);
        if (auto* e = std::get_if<OutputError>(&parsed)) {
            skipped = e->unknown_name && def.skip_if_unknown;
            if (text.size() == def.output.joined().size() && path.size() > 2) {
                path.pop_back();
                add_place(path, def.output, e->offset - 1, "rule output", "rule output expression");
            }
            if (!skipped) return fail(Code::err_compile_output, e->message, std::move(path));
            problem(Code::unknown_filter, e->message, std::move(path));
            return true;
        }
        rule.output = std::move(std::get<OutputTemplate>(parsed));
        for (const FieldRef& f : rule.output.field_refs())
            if (f.info->deprecated) problem(Code::deprecated_item, "field " + f.text + " is deprecated", path);
        return true;
    }

    void fill(Rule& rule, const RuleDefinition& def, const Prepared& p, const CompiledCondition& condition) {
        rule.name = def.name;
        rule.priority = def.priority;
        rule.source = def.source;
        rule.description = def.description.joined();
        rule.tags = def.tags;
        rule.capture = def.capture;
        rule.capture_duration_ms = def.capture_duration_ms;
        rule.enabled = is_enabled(def);
        rule.event_types = condition.event_types;
        rule.start = condition.start;
        rule.formula = condition.formula;
        for (uint32_t index : condition.operations) {
            const Operation& op = compiler_.program().operations[index];
            if (op.kind == Operation::Kind::field) rule.condition_fields.push_back(op.field);
        }
        rule.condition_text = def.condition.joined();
        rule.lists.assign(p.substituted.lists.begin(), p.substituted.lists.end());
        describe_condition(*p.tree, expansion(), rule);
        rule.compiled_condition = printed(*p.tree);
        if (options_.keep_trees) rule.tree = p.tree;
        for (const ExceptionDefinition& ex : def.exceptions) {
            rule.exception_names.push_back(ex.name);
            rule.exception_operators.insert(rule.exception_operators.end(), ex.comps.begin(), ex.comps.end());
            rule.exception_fields.insert(rule.exception_fields.end(), ex.fields.begin(), ex.fields.end());
        }
    }

    bool is_enabled(const RuleDefinition& def) const {
        if (def.priority > options_.least_priority) return false;
        bool enabled = def.enabled;
        for (const RuleSelection& s : options_.selections) {
            bool tagged = s.by_tag && std::find(def.tags.begin(), def.tags.end(), s.pattern) != def.tags.end();
            bool named = !s.by_tag && name_matches(s.pattern, def.name);
            if (tagged || named) enabled = s.enable;
        }
        return enabled;
    }

    static bool name_matches(std::string_view pattern, std::string_view name) {
        std::string glob;
        for (char c : pattern) {
            if (c == '?' || c == '[' || c == '\\') glob += '\\';
            glob += c;
        }
        return glob_match(glob, name, false);
    }

    MacroExpansion expansion() {
        return [this](std::string_view name) {
            auto it = macros_.find(name);
            return it == macros_.end() ? nullptr : it->second.tree.get();
        };
    }

    // The condition with its macros put in, unless that would be huge: macros of macros grow exponentially.
    std::string printed(const Node& tree) {
        return expanded_size(tree, expansion(), max_printed_nodes) <= max_printed_nodes ? print(tree, expansion())
                                                                                       : print(tree);
    }

    void warn_unused() {
        for (const MacroDefinition& m : definitions_.macros)
            if (!used_macros_.contains(m.name) && !used_by_macro(m.name))
                problem(Code::unused_macro, "Macro not referred to by any other rule/macro", path_of(m.location));
        for (const ListDefinition& l : definitions_.lists)
            if (!used_lists_.contains(l.name) && !l.used_by_list)
                problem(Code::unused_list, "List not referred to by any other rule/macro", path_of(l.location));
    }

    bool used_by_macro(const std::string& name) const {
        return std::any_of(macros_.begin(), macros_.end(),
                           [&](const auto& m) { return names_macro(*m.second.tree, name); });
    }

    RulesetInfo describe() {
        RulesetInfo info;
        info.required_engine_version = definitions_.required_engine_version;
        info.required_plugins = definitions_.required_plugins;
        for (const ListDefinition& l : definitions_.lists)
            info.lists.push_back({l.name, l.items, l.used_by_list || used_lists_.contains(l.name)});
        for (const MacroDefinition& m : definitions_.macros) {
            bool used = used_macros_.contains(m.name) || used_by_macro(m.name);
            const auto& tree = macros_.find(m.name)->second.tree;
            info.macros.push_back({m.name, m.condition.joined(), print(*tree), used, options_.keep_trees ? tree : nullptr});
        }
        return info;
    }

    const Definitions& definitions_;
    const ListIndex lists_;
    std::span<const RulesFile> files_;
    const Catalogue& catalogue_;
    const LoadOptions& options_;
    Compiler compiler_;
    std::map<std::string, Prepared, std::less<>> macros_;
    std::set<std::string, std::less<>> used_macros_, used_lists_;
    std::set<std::tuple<Code, uint32_t, size_t>> warned_;
    std::vector<Problem> problems_;
};

}  // namespace

BuildResult build_ruleset(const Definitions& definitions, std::span<const RulesFile> files, const Catalogue& catalogue,
                          const LoadOptions& options) {
    return Builder(definitions, files, catalogue, options).build();
}

}  // namespace undercoat::rules
