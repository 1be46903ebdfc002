// Fuzzes rules files: loading must end, with a ruleset or with problems that name a place, and the ruleset must run.
#include "rules/ruleset/report.h"
#include "tests/support/test_catalogue.h"

#include <cstdlib>

using namespace undercoat;
using namespace undercoat::rules;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using test::TestCatalogue;
    static const TestCatalogue catalogue(
        {TestCatalogue::field("proc.name"), TestCatalogue::field("evt.type"), TestCatalogue::field("fd.name"),
         TestCatalogue::field("evt.num", FieldType::uint64)},
        {"open", "openat", "execve"});
    std::string content(reinterpret_cast<const char*>(data), size);
    // A form feed parts the input into files.
    std::vector<RulesFile> files;
    for (size_t at = 0; at <= content.size() && files.size() < 3;) {
        size_t end = std::min(content.find('\f', at), content.size());
        files.push_back({"f" + std::to_string(files.size()), content.substr(at, end - at)});
        at = end + 1;
    }
    LoadResult loaded = load_rules(files, catalogue);
    if (!loaded.ruleset || loaded.files.size() != files.size()) std::abort();
    for (const FileResult& f : loaded.files)
        for (const Problem& p : f.errors)
            if (p.locations.empty() || p.message.empty()) std::abort();
    (void)report_text(loaded, true);
    (void)report_json(loaded, catalogue, true);
    RuleMatcher matcher(loaded.ruleset);
    test::TestEvent event(0);
    event.set_text("evt.type", "open");
    event.set_text("proc.name", "x");
    Arena arena;
    matcher.match(event, arena, Matching::all, [&](const Rule& r) { (void)r.output.render(event); });
    return 0;
}
