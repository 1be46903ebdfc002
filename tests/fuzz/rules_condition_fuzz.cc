// Fuzzes conditions: parse, print, check, compile and run on events with odd values.
//
// Properties beside "does not crash": printing is stable under parsing again, and running twice gives one verdict.
#include "rules/lang/parser.h"
#include "rules/lang/printer.h"
#include "rules/output_template.h"
#include "rules/vm/compile.h"
#include "rules/vm/eval.h"
#include "tests/support/test_catalogue.h"

#include <cstdio>
#include <cstdlib>

using namespace undercoat;
using namespace undercoat::rules;

namespace {

using test::TestCatalogue;

const TestCatalogue& catalogue() {
    static const TestCatalogue c = [] {
        FieldInfo list = TestCatalogue::field("fd.types");
        list.is_list = true;
        return TestCatalogue(
            {TestCatalogue::field("proc.name"), TestCatalogue::field("evt.type"), TestCatalogue::field("proc.aname"),
             TestCatalogue::field("evt.num", FieldType::uint64), TestCatalogue::field("fd.num", FieldType::int64),
             TestCatalogue::field("evt.buffer", FieldType::bytes), TestCatalogue::field("fd.sip", FieldType::ip),
             TestCatalogue::field("fd.net", FieldType::net), TestCatalogue::field("fd.sip.name"),
             TestCatalogue::field("fd.sport", FieldType::port), TestCatalogue::field("thread.cpu", FieldType::real),
             TestCatalogue::field("evt.is_io", FieldType::boolean), TestCatalogue::field("evt.arg"), list},
            {"open", "openat", "close"}, {{"flags", FieldType::flags}, {"name", FieldType::path}});
    }();
    return c;
}

void fill(test::TestEvent& event) {
    static const uint8_t loopback[] = {127, 0, 0, 1};
    event.set_text("proc.name", std::string("sh\xff*?[a\\", 8));
    event.set_text("evt.type", "open");
    event.set_list("proc.aname", {Value::text("bash"), Value::text("")});
    event.values["evt.num"] = Value::u64(7);
    event.values["fd.num"] = Value::i64(-1);
    event.values["evt.buffer"] = Value::bytes(std::string_view("a\0b", 3));
    event.values["fd.sip"] = Value::ip(IpAddress::v4(loopback));
    event.set_list("fd.net", {event.values["fd.sip"]});
    event.values["fd.sip.name"] = event.values["fd.sip"];
    event.values["fd.sport"] = Value::u64(80);
    event.values["thread.cpu"] = Value::real(0.5);
    event.values["evt.is_io"] = Value::boolean(true);
    event.set_text("evt.arg.name", "/etc//passwd/");
    event.set_list("fd.types", {Value::text("file"), Value::text("-n")});
}

void require(bool condition, const char* what) {
    if (condition) return;
    std::fputs(what, stderr);
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    std::string_view text(reinterpret_cast<const char*>(data), size);
    test::TestEvent event(0);
    fill(event);
    auto format = OutputTemplate::parse(text, catalogue());
    if (auto* t = std::get_if<OutputTemplate>(&format)) (void)t->render(event);
    auto parsed = parse_condition(text);
    auto* tree = std::get_if<std::unique_ptr<Node>>(&parsed);
    if (!tree) return 0;
    std::string printed = print(**tree);
    auto again = parse_condition(printed);
    // Constants of transformers print bare, and a text that ends in a backslash cannot be written at all.
    if (auto* second = std::get_if<std::unique_ptr<Node>>(&again); second && printed.find("(\"") == std::string::npos)
        if (printed.find('\\') == std::string::npos && printed.find("[") == std::string::npos &&
            text.find('"') == text.npos && text.find('\'') == text.npos)
            require(print(**second) == printed, "printing is not stable\n");
    Compiler compiler(catalogue(), [](std::string_view) { return nullptr; });
    auto compiled = compiler.add_condition(**tree);
    auto* condition = std::get_if<CompiledCondition>(&compiled);
    if (!condition) return 0;
    auto program = compiler.finish();
    Evaluator evaluator(*program);
    Arena arena;
    evaluator.begin(event, arena);
    bool first = evaluator.run(condition->start);
    arena.reset();
    evaluator.begin(event, arena);
    require(evaluator.run(condition->start) == first, "two runs differ\n");
    require(!first || condition->event_types.contains(event.type()), "true on a type that was not inferred\n");
    return 0;
}
