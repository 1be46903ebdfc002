// `undercoat rules explain RULE FILE`: why a rule matches a recorded event, or does not.
#include "supervisor/cli/commands.h"
#include "supervisor/cli/recorded.h"
#include "supervisor/cli/rules_files.h"
#include "supervisor/scap/capture.h"
#include "rules/ruleset/explain.h"

#include <boost/json.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>

namespace undercoat::cli {
namespace {

namespace json = boost::json;
using rules::Explained;

constexpr size_t kLongest = 160;  // of a comparison's text; lists can be endless

std::string shortened(const std::string& text) {
    return text.size() <= kLongest ? text : text.substr(0, kLongest) + "…";
}

void print_tree(const Explained& e, const std::string& indent, bool all, std::string& out) {
    const char* mark = e.verdict ? "true " : "false";
    out += (e.reached ? mark : "  -  ") + std::string("  ") + indent + shortened(e.text);
    if (e.reached || all) {
        for (const auto& o : e.operands)
            out += "    [" + o.field + " " + (o.exists ? "= " + o.value : "has no value") + "]";
    }
    out += '\n';
    if (!e.reached && !all) return;
    for (const Explained& child : e.children) print_tree(child, indent + "  ", all, out);
}

json::object tree_json(const Explained& e) {
    static constexpr const char* kKinds[] = {"and", "or", "not", "macro", "comparison"};
    json::object o{{"kind", kKinds[static_cast<size_t>(e.kind)]}, {"verdict", e.verdict}, {"reached", e.reached}};
    if (e.kind == rules::Node::Kind::macro) o["name"] = e.text;
    if (e.kind == rules::Node::Kind::comparison) o["text"] = e.text;
    json::object values;
    for (const auto& v : e.operands) values[v.field] = v.exists ? json::value(v.value) : json::value(nullptr);
    if (!values.empty()) o["values"] = std::move(values);
    json::array children;
    for (const Explained& child : e.children) children.push_back(tree_json(child));
    if (!children.empty()) o["children"] = std::move(children);
    return o;
}

// The file's lines, or the argument itself where it is an event.
Result<std::vector<std::string>> lines_of(const std::string& source) {
    if (source.starts_with("{")) return std::vector<std::string>{source};
    std::ifstream file;
    if (source != "-") {
        file.open(source);
        if (!file) return Error{"'" + source + "' cannot be read."};
    }
    std::istream& in = source == "-" ? std::cin : file;
    std::vector<std::string> lines;
    for (std::string line; std::getline(in, line);)
        if (!line.empty()) lines.push_back(line);
    return lines;
}

class Explanation {
public:
    Explanation(const fields::FieldCatalogue& catalogue, const rules::Ruleset& set, const rules::Rule& rule)
        : catalogue_(catalogue), set_(set), rule_(rule) {}

    // The wanted event, or without one the first that matches, or else the last that the rule looks at.
    Status find(const std::vector<std::string>& lines, uint64_t wanted) {
        Recorded recorded(catalogue_);
        for (size_t i = 0; i < lines.size() && !done_; ++i) {
            if (Status s = recorded.next(lines[i]); !s)
                return Error{"line " + std::to_string(i + 1) + ": " + s.error()};
            if (Status s = look(recorded, wanted); !s) return s;
        }
        return outcome(wanted);
    }

    Status find_in_capture(const std::string& file, uint64_t wanted) {
        Recorded recorded(catalogue_, true);
        auto capture = scap::Capture::open(file, recorded.state());
        if (!capture) return Error{capture.error()};
        while (!done_) {
            const Result<bool> more = recorded.next(**capture);
            if (!more) return Error{more.error()};
            if (!*more) break;
            if (Status s = look(recorded, wanted); !s) return s;
        }
        return outcome(wanted);
    }

    void print(bool as_json, bool all) const {
        if (as_json) {
            std::cout << json::object{{"rule", rule_.name},
                                      {"event", {{"num", number_}, {"type", type_}, {"pid", pid_}}},
                                      {"matches", shown_->verdict},
                                      {"condition", tree_json(*shown_)}}
                      << "\n";
            return;
        }
        std::string out = "Rule '" + rule_.name + "' " + (shown_->verdict ? "matches" : "does not match") + " event " +
                          std::to_string(number_) + " (" + type_ + " by process " + std::to_string(pid_) + ")\n\n";
        print_tree(*shown_, "", all, out);
        std::cout << out;
    }

private:
    Status look(Recorded& recorded, uint64_t wanted) {
        if (!recorded.has_type()) return Unit{};
        const uint64_t number = recorded.event().num;
        if (wanted != 0 ? number != wanted : !rule_.event_types.contains(recorded.event().type)) return Unit{};
        auto tree = rules::explain_rule(set_, rule_, catalogue_, recorded.view());
        if (!tree) return Error{tree.error()};
        shown_ = std::move(*tree);
        number_ = number, type_ = recorded.event().name(), pid_ = recorded.event().pid;
        done_ = wanted != 0 || shown_->verdict;
        return Unit{};
    }

    Status outcome(uint64_t wanted) const {
        if (shown_) return Unit{};
        return Error{wanted != 0 ? "There is no event number " + std::to_string(wanted) + "."
                                 : "No event is of a type that the rule looks at."};
    }

    const fields::FieldCatalogue& catalogue_;
    const rules::Ruleset& set_;
    const rules::Rule& rule_;
    std::optional<Explained> shown_;
    uint64_t number_ = 0;
    std::string type_;
    int64_t pid_ = 0;
    bool done_ = false;
};

}  // namespace

int explain(const ExplainRequest& request) {
    const RulesFiles files = read_rules(or_bundled(request.files));
    const fields::FieldCatalogue catalogue;
    rules::LoadOptions options;
    options.keep_trees = true;
    const rules::LoadResult loaded = rules::load_rules(files.contents, catalogue, options);
    if (!complain(files, loaded)) return 1;
    const auto all = loaded.ruleset->rules();
    const auto rule =
        std::find_if(all.begin(), all.end(), [&](const rules::Rule& r) { return r.name == request.rule; });
    const auto fail = [](const std::string& message) {
        std::fprintf(stderr, "undercoat: %s\n", message.c_str());
        return 1;
    };
    if (rule == all.end()) {
        std::vector<std::string_view> names;
        for (const rules::Rule& r : all) names.push_back(r.name);
        const std::string near = rules::nearest_name(request.rule, names);
        return fail("there is no rule '" + request.rule + "'" + (near.empty() ? "" : "; did you mean '" + near + "'?"));
    }
    Explanation explanation(catalogue, *loaded.ruleset, *rule);
    if (!request.source.starts_with("{") && scap::is_capture(request.source)) {
        if (Status s = explanation.find_in_capture(request.source, request.number); !s) return fail(s.error());
    } else {
        auto lines = lines_of(request.source);
        if (!lines) return fail(lines.error());
        if (Status s = explanation.find(*lines, request.number); !s) return fail(s.error());
    }
    explanation.print(request.json, request.all);
    return 0;
}

}  // namespace undercoat::cli
