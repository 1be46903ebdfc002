// See filter.h.
#include "collector/query/filter.h"

#include "rules/lang/parser.h"
#include "rules/vm/compile.h"

namespace undercoat::collector {
namespace {

using rules::Node;
using rules::Operand;
using rules::Operator;

constexpr size_t kMaxCondition = 8192;
constexpr size_t kMaxTermValue = 256;
constexpr size_t kMaxTerms = 200;  // beyond it a scan is as good

bool is_literal(const Operand& o) { return o.kind == Operand::Kind::text || o.kind == Operand::Kind::number; }

// The needed terms of a part of a condition; nothing: any alert may match it.
class TermFinder {
public:
    explicit TermFinder(const AlertCatalogue& catalogue) : catalogue_(catalogue) {}

    std::optional<std::string> of(const Node& node) {
        switch (node.kind) {
            case Node::Kind::all: return joined(node, " AND ", true);
            case Node::Kind::any: return joined(node, " OR ", false);
            case Node::Kind::comparison: return comparison(node);
            default: return std::nullopt;
        }
    }
    size_t count() const { return count_; }

private:
    std::optional<std::string> joined(const Node& node, const char* word, bool some_suffice) {
        std::string out;
        for (const auto& child : node.children) {
            const auto part = of(*child);
            if (!part && !some_suffice) return std::nullopt;
            if (!part) continue;
            if (!out.empty()) out += word;
            out += "(" + *part + ")";
        }
        return out.empty() ? std::nullopt : std::optional(out);
    }

    std::optional<std::string> comparison(const Node& node) {
        if (node.left.kind != Operand::Kind::field || node.modifier != rules::Modifier::none) return std::nullopt;
        if (!catalogue_.is_plain_text(node.left.text)) return std::nullopt;
        std::string field = node.left.text;
        if (node.left.argument) field += "[" + *node.left.argument + "]";
        if (field == "alert.output" || field == "evt.hostname")
            return std::nullopt;  // not kept as a term, or under another name
        std::vector<const Operand*> values;
        if (node.op == Operator::eq || node.op == Operator::eq2) values.push_back(&node.right);
        else if (node.op == Operator::in && node.right.kind == Operand::Kind::list)
            for (const Operand& item : node.right.items) values.push_back(&item);
        else return std::nullopt;
        std::string out;
        for (const Operand* value : values) {
            const std::string one = is_literal(*value) ? term(field, value->text) : "";
            if (one.empty()) return std::nullopt;
            ++count_;
            out += out.empty() ? one : " OR " + one;
        }
        return out.empty() ? std::nullopt : std::optional(out);
    }

    const AlertCatalogue& catalogue_;
    size_t count_ = 0;
};

void add_terms(std::string_view json, std::string& out) {
    const auto object = parse_bounded(json);
    if (!object.is_object()) return;
    std::string value;
    for (const auto& pair : object.get_object()) {
        if (!scalar_text(pair.value(), value)) continue;
        const std::string_view key(pair.key().data(), pair.key().size());
        out += term(key, value) + " ";
        if (const size_t bracket = key.find('['); bracket != key.npos) out += term(key.substr(0, bracket), value) + " ";
    }
}

}  // namespace

std::string term(std::string_view field, std::string_view value) {
    if (value.size() > kMaxTermValue) return "";
    // FNV-1a; 52 bits are enough to make candidates few, and the rule engine decides.
    uint64_t hash = 0xcbf29ce484222325;
    const auto mix = [&hash](std::string_view text) {
        for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
    };
    mix(field);
    mix(std::string_view("\0", 1));
    mix(value);
    std::string out = "t";
    for (int i = 0; i < 13; ++i) out += "0123456789abcdef"[(hash >> (i * 4 + 8)) & 15];
    return out;
}

std::string terms_of(const AlertRecord& r) {
    std::string out;
    const auto add = [&out](std::string_view field, std::string_view value) { out += term(field, value) + " "; };
    add("alert.rule", r.rule);
    add("alert.priority", priority_name(r.severity));
    add("alert.source", r.source);
    add("alert.hostname", r.hostname);
    add("alert.agent", r.agent);
    const auto tags = parse_bounded(r.tags);
    if (tags.is_array())
        for (const auto& tag : tags.get_array())
            if (tag.is_string()) add("alert.tags", {tag.get_string().data(), tag.get_string().size()});
    add_terms(r.fields, out);
    add_terms(r.context, out);
    return out;
}

std::variant<std::shared_ptr<const Filter>, FilterError> Filter::compile(std::string_view condition) {
    if (condition.size() > kMaxCondition) return FilterError{"the condition is longer than 8192 bytes", kMaxCondition};
    auto parsed = rules::parse_condition(condition, {.max_depth = 50});
    if (auto* error = std::get_if<rules::ParseError>(&parsed)) return FilterError{error->message, error->offset};
    const Node& tree = *std::get<0>(parsed);
    std::shared_ptr<Filter> filter(new Filter);
    filter->catalogue_ = std::make_unique<AlertCatalogue>(tree);
    rules::Compiler compiler(
        *filter->catalogue_, [](std::string_view) -> const Node* { return nullptr; }, 100);
    auto compiled = compiler.add_condition(tree);
    if (auto* error = std::get_if<rules::CompileError>(&compiled)) return FilterError{error->message, error->offset};
    filter->start_ = std::get<0>(compiled).start;
    filter->program_ = compiler.finish();
    TermFinder finder(*filter->catalogue_);
    if (const auto terms = finder.of(tree); terms && finder.count() <= kMaxTerms) filter->needed_terms_ = *terms;
    return std::shared_ptr<const Filter>(filter);
}

bool FilterRun::matches(const AlertRecord& record) {
    arena_.reset();
    view_.set(record);
    evaluator_.begin(view_, arena_);
    return evaluator_.run(filter_->start_);
}

}  // namespace undercoat::collector
