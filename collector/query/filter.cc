// See filter.h.
#include "collector/query/filter.h"

#include "rules/lang/parser.h"
#include "rules/vm/compile.h"

#include <algorithm>

namespace undercoat::collector {
namespace {

using rules::Node;
using rules::Operand;
using rules::Operator;

constexpr size_t kMaxCondition = 8192;
constexpr size_t kMaxTermValue = 256;
constexpr size_t kMaxTerms = 200;  // beyond it a scan is as good

constexpr size_t kTermSize = 14;

// FNV-1a; 52 bits are enough to make candidates few, and the rule engine decides.
uint64_t term_hash(std::string_view field, std::string_view value) {
    uint64_t hash = 0xcbf29ce484222325;
    const auto mix = [&hash](std::string_view text) {
        for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3;
    };
    mix(field);
    mix(std::string_view("\0", 1));
    mix(value);
    return hash;
}

void append_term(uint64_t hash, std::string& out) {
    out += 't';
    for (size_t i = 0; i + 1 < kTermSize; ++i) out += "0123456789abcdef"[(hash >> (i * 4 + 8)) & 15];
}

// Terms one after the other, each once: fields and context say much twice.
class TermList {
public:
    void add(std::string_view field, std::string_view value) {
        if (value.size() <= kMaxTermValue) hashes_.push_back(term_hash(field, value));
    }
    void add_object(const boost::json::value& object) {
        if (!object.is_object()) return;
        for (const auto& pair : object.get_object()) {
            if (!scalar_text(pair.value(), value_)) continue;
            const std::string_view key(pair.key().data(), pair.key().size());
            add(key, value_);
            if (const size_t bracket = key.find('['); bracket != key.npos) add(key.substr(0, bracket), value_);
        }
    }
    std::string text() {
        std::sort(hashes_.begin(), hashes_.end());
        hashes_.erase(std::unique(hashes_.begin(), hashes_.end()), hashes_.end());
        std::string out;
        out.reserve(hashes_.size() * (kTermSize + 1));
        for (const uint64_t h : hashes_) append_term(h, out), out += ' ';
        return out;
    }

private:
    std::vector<uint64_t> hashes_;
    std::string value_;
};

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

}  // namespace

std::string term(std::string_view field, std::string_view value) {
    std::string out;
    if (value.size() <= kMaxTermValue) append_term(term_hash(field, value), out);
    return out;
}

std::string terms_of_severity(unsigned least) {
    std::string out;
    for (unsigned severity = 0; severity <= std::min(least, 7U); ++severity)
        out += (severity ? " OR " : "") + term("alert.priority", priority_name(severity));
    return out;
}

std::string terms_of(const AlertRecord& r) {
    TermList terms;
    terms.add("alert.rule", r.rule);
    terms.add("alert.priority", priority_name(r.severity));
    terms.add("alert.source", r.source);
    terms.add("alert.hostname", r.hostname);
    terms.add("alert.agent", r.agent);
    ShortLived memory;
    const auto tags = parse_bounded(r.tags, memory.storage());
    if (tags.is_array())
        for (const auto& tag : tags.get_array())
            if (tag.is_string()) terms.add("alert.tags", {tag.get_string().data(), tag.get_string().size()});
    terms.add_object(parse_bounded(r.fields, memory.storage()));
    terms.add_object(parse_bounded(r.context, memory.storage()));
    return terms.text();
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
