// Cases that need no events: parse, canonical, compile, escaping, evttypes.
#include "rules/lang/escape.h"
#include "rules/lang/parser.h"
#include "rules/lang/printer.h"
#include "rules/vm/compile.h"
#include "rules/vm/eval.h"
#include "tests/cases/runner.h"
#include "tests/support/test_catalogue.h"

namespace undercoat::conformance {
namespace {

using namespace rules;

const Catalogue& mock_catalogue() {
    using test::TestCatalogue;
    static const TestCatalogue catalogue(
        {TestCatalogue::field("c.true"), TestCatalogue::field("c.false"), TestCatalogue::field("c.singlequote"),
         TestCatalogue::field("c.doublequote"), TestCatalogue::field("c.buffer", FieldType::bytes),
         TestCatalogue::field("evt.source"), TestCatalogue::field("evt.plugininfo")},
        {"open"});
    return catalogue;
}

std::string message_of(const ParseError& e) {
    return e.message + " at offset " + std::to_string(e.offset);
}

void parse_case(const YAML::Node& c, Tally& tally) {
    std::string id = c["id"].as<std::string>(), expr = c["expr"].as<std::string>();
    auto parsed = parse_condition(expr);
    auto* error = std::get_if<ParseError>(&parsed);
    if (c["valid"].as<bool>() == !error) {
        if (error && c["error_message"] &&
            error->message.find(c["error_message"].as<std::string>()) == std::string::npos)
            return tally.fail("parse", id, "message is: " + error->message);
        return tally.pass("parse");
    }
    tally.fail("parse", id, error ? message_of(*error) : "accepted " + expr);
}

void canonical_case(const YAML::Node& c, Tally& tally) {
    std::string id = c["id"].as<std::string>();
    auto parsed = parse_condition(c["expr"].as<std::string>());
    if (auto* e = std::get_if<ParseError>(&parsed)) return tally.fail("canonical", id, message_of(*e));
    std::string printed = print(*std::get<std::unique_ptr<Node>>(parsed));
    if (c["as_string"] && printed != c["as_string"].as<std::string>()) return tally.fail("canonical", id, printed);
    if (c["roundtrip"]) {
        auto again = parse_condition(printed);
        auto* tree = std::get_if<std::unique_ptr<Node>>(&again);
        if (!tree || print(**tree) != printed) return tally.fail("canonical", id, "not stable: " + printed);
    }
    tally.pass("canonical");
}

// Empty if the expression compiles; warnings counts what was warned about.
std::string compile_problem(const std::string& expr, const Catalogue& catalogue, size_t& warnings) {
    auto parsed = parse_condition(expr);
    if (auto* e = std::get_if<ParseError>(&parsed)) return message_of(*e);
    Compiler compiler(catalogue, [](std::string_view) { return nullptr; });
    auto compiled = compiler.add_condition(*std::get<std::unique_ptr<Node>>(parsed));
    if (auto* e = std::get_if<CompileError>(&compiled)) return e->message;
    warnings = std::get<CompiledCondition>(compiled).warnings.size();
    return "";
}

void compile_case(const YAML::Node& c, Backend& backend, Tally& tally) {
    std::string id = c["id"].as<std::string>(), expr = c["expr"].as<std::string>();
    size_t warnings = 0;
    std::string problem =
        compile_problem(expr, expr.starts_with("c.") ? mock_catalogue() : backend.catalogue(), warnings);
    bool valid = c["valid"].as<bool>();
    if (valid != problem.empty()) return tally.fail("compile", id, problem.empty() ? "accepted " + expr : problem);
    if (c["error_message"] && problem.find(c["error_message"].as<std::string>()) == std::string::npos)
        return tally.fail("compile", id, "message is: " + problem);
    if (valid && c["warnings"] && c["warnings"].as<size_t>() != warnings)
        return tally.fail("compile", id, std::to_string(warnings) + " warnings for " + expr);
    tally.pass("compile");
}

void escaping_case(const YAML::Node& c, Tally& tally) {
    std::string id = c["id"].as<std::string>(), fn = c["fn"].as<std::string>(), in = text_of(c["in"]);
    if (fn == "escape") {
        if (escape(in) != text_of(c["out"])) return tally.fail("escaping", id, escape(in));
        return tally.pass("escaping");
    }
    if (fn == "roundtrip") in = quote(in);
    auto out = unescape(in);
    bool want_error = c["error"] && c["error"].as<bool>();
    if (want_error == static_cast<bool>(out)) return tally.fail("escaping", id, out ? "accepted" : out.error());
    std::string expected = fn == "roundtrip" ? text_of(c["in"]) : c["out"] ? text_of(c["out"]) : "";
    if (!want_error && *out != expected) return tally.fail("escaping", id, *out);
    tally.pass("escaping");
}

std::variant<EventTypeSet, std::string> types_of(const std::string& expr, const Catalogue& catalogue) {
    auto parsed = parse_condition(expr);
    if (auto* e = std::get_if<ParseError>(&parsed)) return message_of(*e);
    return infer_event_types(*std::get<std::unique_ptr<Node>>(parsed), catalogue, nullptr).can_be_true;
}

void evttypes_case(const YAML::Node& c, Backend& backend, Tally& tally) {
    std::string id = c["id"].as<std::string>();
    const Catalogue& catalogue = backend.catalogue();
    auto types = types_of(c["expr"].as<std::string>(), catalogue);
    if (auto* e = std::get_if<std::string>(&types)) return tally.fail("evttypes", id, *e);
    EventTypeSet expected(catalogue.event_types().size());
    YAML::Node want = c["types"];
    if (c["same_types_as"]) {
        auto other = types_of(c["same_types_as"].as<std::string>(), catalogue);
        if (auto* e = std::get_if<std::string>(&other)) return tally.fail("evttypes", id, *e);
        expected = std::get<EventTypeSet>(other);
    } else {
        YAML::Node names = want.IsMap() ? want["all_except"] : want;
        if (names.IsSequence())
            for (const auto& n : names) expected.insert(*find_event_type(catalogue, n.as<std::string>()));
        if (want.IsMap() || want.IsScalar()) expected = expected.complement();
    }
    if (expected == std::get<EventTypeSet>(types)) return tally.pass("evttypes");
    tally.fail("evttypes", id, std::to_string(std::get<EventTypeSet>(types).count()) + " types inferred");
}

void bool_case(const YAML::Node& c, Tally& tally) {
    std::string id = c["id"].as<std::string>();
    auto parsed = parse_condition(c["expr"].as<std::string>());
    if (auto* e = std::get_if<ParseError>(&parsed)) return tally.fail("bool_mock", id, message_of(*e));
    Compiler compiler(mock_catalogue(), [](std::string_view) { return nullptr; });
    auto compiled = compiler.add_condition(*std::get<std::unique_ptr<Node>>(parsed));
    if (auto* e = std::get_if<CompileError>(&compiled)) return tally.fail("bool_mock", id, e->message);
    test::TestEvent event(0);
    event.set_text("c.true", "1");
    event.set_text("c.false", "0");
    event.set_text("c.singlequote", "hello 'quoted'");
    event.set_text("c.doublequote", "hello \"quoted\"");
    auto program = compiler.finish();
    Evaluator evaluator(*program);
    Arena arena;
    evaluator.begin(event, arena);
    bool verdict = evaluator.run(std::get<CompiledCondition>(compiled).start);
    if (verdict != c["expected"].as<bool>()) return tally.fail("bool_mock", id, verdict ? "true" : "false");
    tally.pass("bool_mock");
}

}  // namespace

void run_filter_cases(const YAML::Node& document, Backend& backend, Tally& tally) {
    each_case(document["parse"], "parse", tally, [&](const YAML::Node& c) { parse_case(c, tally); });
    each_case(document["canonical"], "canonical", tally, [&](const YAML::Node& c) { canonical_case(c, tally); });
    each_case(document["compile"], "compile", tally, [&](const YAML::Node& c) { compile_case(c, backend, tally); });
    each_case(document["bool_mock"], "bool_mock", tally, [&](const YAML::Node& c) { bool_case(c, tally); });
    each_case(document["escaping"], "escaping", tally, [&](const YAML::Node& c) { escaping_case(c, tally); });
    each_case(document["evttypes"], "evttypes", tally, [&](const YAML::Node& c) { evttypes_case(c, backend, tally); });
}

}  // namespace undercoat::conformance
