// Fuzzes files of rule tests: reading ends, with tests or with an error that names a line, and the events of tests can be built.
#include "supervisor/cli/field_event.h"
#include "supervisor/cli/recorded.h"
#include "supervisor/cli/rule_tests.h"

#include "rules/vm/transform.h"

#include <cstdlib>

using namespace undercoat;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const fields::FieldCatalogue catalogue;
    auto file = cli::parse_rule_tests(std::string(reinterpret_cast<const char*>(data), size), "tests.yaml");
    if (!file) {
        if (!file.error().starts_with("tests.yaml:")) std::abort();
        return 0;
    }
    for (const cli::RuleTest& test : file->tests) {
        cli::Recorded recorded(catalogue);
        for (const cli::TestEvent& e : test.events) {
            if (!e.json.empty()) {
                (void)recorded.next(e.json);
                continue;
            }
            auto event = cli::FieldEvent::make(catalogue, e.type);
            if (!event) continue;
            rules::Arena arena;
            for (const auto& [name, values] : e.fields) {
                if (!event->set(name, values)) continue;
                auto ref = rules::find_field(catalogue, name, std::nullopt);
                if (auto* r = std::get_if<rules::FieldRef>(&ref)) (void)rules::render_text(event->output_value(*r, arena), arena);
            }
        }
    }
    return 0;
}
