// Exceptions of rules, see exceptions.h.
#include "rules/ruleset/exceptions.h"

#include "rules/lang/parser.h"
#include "rules/ruleset/substitute.h"
#include "rules/sema/typed.h"

#include <algorithm>

namespace undercoat::rules {
namespace {

constexpr size_t max_exception_text = 4 * 1024 * 1024;
constexpr size_t max_values = 200'000;

std::string trimmed(std::string_view s) {
    size_t start = s.find_first_not_of(" \t"), end = s.find_last_not_of(" \t");
    return start == s.npos ? "" : std::string(s.substr(start, end - start + 1));
}

// The operator, and the modifier behind it if there is one.
bool split_comparison(std::string_view comp, std::optional<Operator>& op, std::optional<Modifier>& modifier) {
    size_t blank = comp.find(' ');
    op = operator_named(comp.substr(0, blank));
    if (!op || *op == Operator::exists) return false;
    if (blank == comp.npos) return true;
    modifier = modifier_named(trimmed(comp.substr(blank)));
    return modifier && !is_list_operator(*op) && !is_numeric_operator(*op);
}

bool takes_list(const std::string& comp) {
    std::optional<Operator> op;
    std::optional<Modifier> modifier;
    return split_comparison(comp, op, modifier) && (modifier || is_list_operator(*op));
}

class ExceptionReader {
public:
    ExceptionReader(const Item& item, const Catalogue* catalogue) : item_(item), catalogue_(catalogue) {}

    bool read(bool append, std::vector<ExceptionDefinition>& out) {
        ExceptionDefinition ex;
        if (!item_.require("name") || !item_.text("name", ex.name)) return false;
        ex.location = item_.location();
        ex.location.item_name = ex.name;
        auto known = std::find_if(out.begin(), out.end(), [&](const auto& e) { return e.name == ex.name; });
        if (append && known != out.end()) return add_values(*known);
        if (known != out.end())
            item_.warn(Code::exception_name_not_unique, "Multiple definitions of exception '" + ex.name + "'; both hold");
        if (append && !item_.has("fields"))
            return item_.fail(Code::err_yaml_validate,
                              "Item has no mapping for key 'fields', and the rule has no exception '" + ex.name +
                                  "' to append to" + did_you_mean(ex.name, names_of(out)));
        if (!item_.require("fields") || !read_fields(ex) || !read_comps(ex) || !read_values(ex)) return false;
        out.push_back(std::move(ex));
        return true;
    }

private:
    bool fail_at(const YamlNode& node, const char* type, std::string message) const {
        return item_.context().fail(Code::err_validate, std::move(message), item_.path_to(node, type));
    }
    bool fail_at(const char* key, Code code, std::string message) const {
        return item_.context().fail(code, std::move(message), item_.path_to(item_.get(key), std::string("exception ") + key));
    }
    static std::string counts(size_t fields, size_t others, const std::string& what) {
        return ": " + std::to_string(fields) + " fields, " + std::to_string(others) + " " + what;
    }

    bool add_values(ExceptionDefinition& known) {
        if (item_.has("fields") || item_.has("comps"))
            return item_.fail(Code::err_validate, "Only values can be appended to the existing exception '" +
                                                      known.name + "', not fields or comps; leave these out");
        if (!item_.has("values")) {
            item_.warn(Code::append_no_values, "Overriding/appending exception with no values");
            return true;
        }
        return read_values(known);
    }

    bool read_fields(ExceptionDefinition& ex) {
        ex.scalar_fields = item_.get("fields").IsScalar();
        if (ex.scalar_fields) ex.fields.push_back(item_.get("fields").Scalar());
        else if (!item_.text_list("fields", ex.fields)) return false;
        if (ex.fields.empty()) return item_.fail(Code::err_validate, "An exception needs at least one field");
        for (const std::string& field : ex.fields) {
            auto parsed = parse_operand(field);
            auto* operand = std::get_if<Operand>(&parsed);
            if (!catalogue_) continue;
            std::string why;
            if (auto* e = std::get_if<ParseError>(&parsed)) why = e->message;
            auto typed = operand ? check_operand(*operand, *catalogue_, Place::left) : SemanticError{};
            if (auto* e = std::get_if<SemanticError>(&typed); e && operand) why = e->message;
            if (!why.empty())
                return fail_at("fields", Code::err_validate, "'" + field + "' is not a supported filter field: " + why);
        }
        return true;
    }

    bool read_comps(ExceptionDefinition& ex) {
        YamlNode comps = item_.get("comps");
        if (comps.IsDefined() && comps.IsScalar() != ex.scalar_fields)
            return fail_at("comps", Code::err_validate, "Fields and comps must both be lists or both be scalar values");
        if (comps.IsDefined() && comps.IsScalar()) ex.comps.push_back(comps.Scalar());
        else if (!item_.text_list("comps", ex.comps)) return false;
        for (std::string& comp : ex.comps) comp = trimmed(comp);
        if (!comps.IsDefined()) ex.comps.assign(ex.fields.size(), ex.scalar_fields ? "in" : "=");
        if (ex.comps.size() != ex.fields.size())
            return fail_at("comps", Code::err_validate,
                           "Fields and comps lists must have equal length" + counts(ex.fields.size(), ex.comps.size(), "comps"));
        for (const std::string& comp : ex.comps) {
            std::optional<Operator> op;
            std::optional<Modifier> modifier;
            if (!split_comparison(comp, op, modifier))
                return fail_at("comps", Code::err_validate, "'" + comp + "' is not a supported comparison operator; there are "
                               "=, !=, <, <=, >, >=, in, intersects, pmatch, contains, icontains, bcontains, startswith, "
                               "bstartswith, endswith, glob, iglob, regex");
            if (ex.scalar_fields && !takes_list(comp))
                return fail_at("comps", Code::err_validate, "When exception fields is a single value, comps must be one of "
                                                            "(in, pmatch, intersects) or an operator with a modifier");
        }
        return true;
    }

    bool read_values(ExceptionDefinition& ex) {
        YamlNode values = item_.get("values");
        if (!values.IsDefined() || values.IsNull()) return true;
        if (!values.IsSequence()) return fail_at("values", Code::err_validate, "The values of an exception must be a list");
        for (const auto& value : values) {
            ExceptionValue out;
            if (!read_value(value, out, ex.scalar_fields ? 0 : 2)) return false;
            bool tuple = !ex.scalar_fields;
            if (tuple && (!out.is_list || out.items.size() != ex.fields.size()))
                return fail_at(value, "exception value", "Fields and values lists must have equal length" +
                                                             (out.is_list ? counts(ex.fields.size(), out.items.size(), "values")
                                                                          : "; write [" + out.text + ", ...]"));
            ex.values.push_back(std::move(out));
        }
        return true;
    }

    // depth: how many levels of lists are allowed.
    bool read_value(const YamlNode& node, ExceptionValue& out, int depth) {
        if (++count_ > max_values) return item_.fail(Code::err_validate, "The exception has too many values");
        if (node.IsScalar()) {
            out.text = node.Scalar();
            return true;
        }
        if (!node.IsSequence() || depth == 0)
            return fail_at(node, "exception value", "A value of the exception is nested too deep or is no scalar value");
        out.is_list = true;
        for (const auto& element : node) {
            out.items.emplace_back();
            if (!read_value(element, out.items.back(), depth - 1)) return false;
        }
        return true;
    }

    const Item& item_;
    const Catalogue* catalogue_;
    size_t count_ = 0;
};

bool compares_with(std::string_view comp, const std::string& value) {
    auto parsed = parse_condition("a.b " + std::string(comp) + " " + value);
    auto* node = std::get_if<std::unique_ptr<Node>>(&parsed);
    return node && (*node)->kind == Node::Kind::comparison;
}

// A transformer call or val(field), without blanks.
bool is_call(const std::string& value) {
    return value.ends_with(')') && !value.starts_with('(') && value.find_first_of(" \t\r\n\"'") == value.npos && compares_with("=", value);
}

// A list as conditions have it. What only looks like one, such as the name (sd-pam) 7, is a text.
bool is_written_list(const std::string& value) { return value.starts_with('(') && compares_with("in", value); }

// A call stays as it is; so does a name, which may be that of a list.
std::string written(const std::string& value) { return is_call(value) ? value : quote_item(value); }

std::string written_list(const ExceptionValue& value) {
    // A call is no item of a list: it stands alone, and what it gives is the list.
    if (value.items.size() == 1 && is_call(value.items[0].text)) return value.items[0].text;
    std::string out = "(";
    for (size_t i = 0; i < value.items.size(); ++i) {
        if (i > 0) out += ", ";
        out += written(value.items[i].text);
    }
    out += ')';
    return out;
}

std::string compared(const std::string& field, const std::string& comp, const ExceptionValue& value) {
    std::string out = field + " " + comp + " ";
    if (value.is_list) return out + written_list(value);
    if (!takes_list(comp) || is_call(value.text)) return out + written(value.text);
    return out + (is_written_list(value.text) ? value.text : "(" + written(value.text) + ")");
}

}  // namespace

bool read_exceptions(const Item& rule, bool append, const Catalogue* catalogue, std::vector<ExceptionDefinition>& out) {
    YamlNode exceptions = rule.get("exceptions");
    if (!exceptions.IsDefined() || exceptions.IsNull()) return true;
    if (!exceptions.IsSequence()) return rule.context().fail(Code::err_yaml_validate,
                                   "Rule exceptions must be a sequence; each begins with '- name:'",
                                   rule.path_to(exceptions, "exceptions"));
    std::vector<Location> path = rule.path_to(exceptions, "exceptions");
    for (const auto& node : exceptions) {
        if (!node.IsMap()) return rule.context().fail(Code::err_yaml_validate,
                                       "Rule exception must be a map of name, fields, comps and values",
                                       rule.path_to(node, "exception"));
        Item item(rule.context(), node, "exception", path);
        if (node["name"].IsDefined() && node["name"].IsScalar()) item.set_name(node["name"].Scalar());
        item.check_keys({"name", "fields", "comps", "values"});
        if (!ExceptionReader(item, catalogue).read(append, out)) return false;
    }
    return true;
}

std::optional<std::string> exception_condition(const ExceptionDefinition& ex) {
    if (ex.values.empty()) return "";
    if (ex.scalar_fields) {
        ExceptionValue all;
        all.is_list = true;
        all.items = ex.values;
        std::string out = "not " + compared(ex.fields[0], ex.comps[0], all);
        return out.size() > max_exception_text ? std::nullopt : std::optional(out);
    }
    std::string out = "not (";
    for (size_t i = 0; i < ex.values.size(); ++i) {
        out += i > 0 ? " or (" : "(";
        for (size_t k = 0; k < ex.fields.size(); ++k) {
            if (k > 0) out += " and ";
            out += compared(ex.fields[k], ex.comps[k], ex.values[i].items[k]);
        }
        out += ')';
        if (out.size() > max_exception_text) return std::nullopt;
    }
    return out + ")";
}

}  // namespace undercoat::rules
