// Fuzzes output templates over the real catalogue: a template parses or names what is wrong, and renders what it parsed.
//
// Input: a line of a template, then the line of an event; without one an event that has a value for most fields is taken. Properties
// beside "does not crash": two renderings are equal, keys are sorted and each once, a template with "*" always renders whole.
#include "supervisor/cli/recorded.h"

#include "rules/output_template.h"

#include <cstdio>
#include <cstdlib>

using namespace undercoat;
using namespace undercoat::rules;

namespace {

constexpr std::string_view kEvent =
    R"({"type":"openat","ts":1700000000123456789,"pid":5,"tid":5,"result":3,)"
    R"("params":{"fd":3,"dirfd":-100,"name":"/etc/\u00ff\u0007 shadow","flags":4097,"mode":420}})";

void require(bool condition, const char* what) {
    if (condition) return;
    std::fputs(what, stderr);
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const fields::FieldCatalogue catalogue;
    const std::string_view input(reinterpret_cast<const char*>(data), size);
    const size_t newline = input.find('\n');
    auto parsed = OutputTemplate::parse(input.substr(0, newline), catalogue);
    if (const auto* e = std::get_if<OutputError>(&parsed)) {
        require(!e->message.empty() && e->offset <= size, "an error without a message or a place\n");
        return 0;
    }
    cli::Recorded recorded(catalogue);
    const bool given = newline != input.npos && recorded.next(input.substr(newline + 1)) && recorded.has_type();
    if (!given) require(static_cast<bool>(recorded.next(kEvent)), "the event was not read\n");
    const auto& format = std::get<OutputTemplate>(parsed);
    const auto once = format.render(recorded.view()), twice = format.render(recorded.view());
    require(once.text == twice.text && once.complete == twice.complete, "two renderings differ\n");
    require(once.complete || !input.starts_with('*'), "a template that goes on has given up\n");
    Arena arena;
    const auto keys = format.fields(recorded.view(), arena);
    for (size_t i = 1; i < keys.size(); ++i) require(keys[i - 1].key < keys[i].key, "keys are not in order\n");
    return 0;
}
