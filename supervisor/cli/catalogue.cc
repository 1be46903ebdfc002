// `undercoat rules fields|events`: what conditions and outputs can name.
#include "supervisor/cli/commands.h"
#include "supervisor/fields/catalogue.h"
#include "supervisor/event/event.h"
#include "wire/local/calls.h"

#include <boost/json.hpp>

#include <algorithm>
#include <cstdio>
#include <iostream>

namespace undercoat::cli {
namespace {

namespace json = boost::json;

const char* type_word(rules::FieldType t) {
    using T = rules::FieldType;
    switch (t) {
        case T::boolean: return "BOOL";
        case T::int8: case T::int16: case T::int32: case T::int64: return "INT";
        case T::uint8: case T::uint16: case T::uint32: case T::uint64: return "UINT";
        case T::port: return "PORT";
        case T::flags: return "FLAGS";
        case T::mode: return "MODE";
        case T::reltime: return "RELTIME";
        case T::abstime: return "ABSTIME";
        case T::real: return "DOUBLE";
        case T::text: return "CHARBUF";
        case T::path: return "FSPATH";
        case T::bytes: return "BYTEBUF";
        case T::ip: return "IPADDR";
        case T::net: return "IPNET";
        case T::dynamic: return "DYNAMIC";
    }
    return "";
}

const char* argument_suffix(const rules::FieldInfo& f) {
    if (f.argument == rules::ArgumentUse::none) return "";
    if (f.dotted_argument) return ".x";
    return f.argument == rules::ArgumentUse::required ? "[x]" : "[x]?";
}

const char* argument_word(const rules::FieldInfo& f) {
    if (f.argument == rules::ArgumentUse::none) return "none";
    return f.argument == rules::ArgumentUse::required ? "required" : "allowed";
}

// Ends of processes come from the trap loop, not from a call; so does what is not seen.
bool is_captured(unsigned type) {
    return type == event::type_of(wire::Call::procexit) || type == event::type_of(wire::Call::coverage) ||
           (type < wire::kCallCount && wire::captured(wire::kCalls[type]));
}

std::string parameters(const event::EventInfo& e) {
    std::string s;
    for (unsigned i = 0; i < e.nparams; ++i) s += std::string(s.empty() ? "" : ", ") + e.params[i].name;
    return s;
}

}  // namespace

int list_fields(bool as_json) {
    const fields::FieldCatalogue catalogue;
    json::array list;
    for (const rules::FieldInfo& f : catalogue.fields()) {
        const bool available = catalogue.available(f);
        if (!as_json) {
            std::printf("%-42s %-8s %s%s%s\n", (std::string(f.name) + argument_suffix(f)).c_str(), type_word(f.type),
                        available ? "" : "[always NA] ", f.deprecated ? "[deprecated] " : "",
                        std::string(f.description).c_str());
            continue;
        }
        list.push_back({{"name", std::string(f.name)},
                        {"type", type_word(f.type)},
                        {"list", f.is_list},
                        {"argument", argument_word(f)},
                        {"available", available},
                        {"deprecated", f.deprecated},
                        {"filter_only", f.filter_only},
                        {"print_only", f.print_only},
                        {"description", std::string(f.description)}});
    }
    if (as_json) std::cout << list << "\n";
    return 0;
}

int list_events(bool as_json) {
    json::array list;
    for (unsigned type = 0; type < event::kEventCount; ++type) {
        const event::EventInfo& e = event::kEvents[type];
        const bool captured = is_captured(type);
        if (!as_json) {
            std::printf("%-26s %-13s %s(%s)\n", e.name, captured ? "" : "[not captured]", e.name,
                        parameters(e).c_str());
            continue;
        }
        json::array params;
        for (unsigned i = 0; i < e.nparams; ++i) params.emplace_back(e.params[i].name);
        list.push_back(
            {{"name", e.name}, {"category", e.category}, {"captured", captured}, {"params", std::move(params)}});
    }
    if (as_json) std::cout << list << "\n";
    return 0;
}

}  // namespace undercoat::cli
