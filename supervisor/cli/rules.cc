// `undercoat rules …`: checks files, lists rules and fields.
#include "supervisor/actions/rule_host.h"
#include "supervisor/cli/commands.h"
#include "supervisor/fields/catalogue.h"
#include "rules/ruleset/report.h"

#include <boost/json.hpp>

#include <cstdio>
#include <iostream>

namespace undercoat::cli {
namespace {

namespace json = boost::json;

struct Files {
    std::vector<rules::RulesFile> contents;
    std::vector<std::string> unreadable;
};

Files read_all(const std::vector<std::string>& paths) {
    Files all;
    for (const std::string& path : paths) {
        auto names = actions::rules_files(path);
        if (!names) {
            all.unreadable.push_back(names.error());
            continue;
        }
        for (const std::string& name : *names) {
            auto content = rules::read_rules_file(name);
            if (content)
                all.contents.push_back(std::move(*content));
            else
                all.unreadable.push_back(content.error());
        }
    }
    return all;
}

int complain(const Files& files) {
    for (const std::string& message : files.unreadable) std::fprintf(stderr, "undercoat: %s\n", message.c_str());
    return files.unreadable.empty() ? 0 : 1;
}

std::vector<std::string> or_bundled(const std::vector<std::string>& files) {
    return files.empty() ? std::vector<std::string>{own_directory() + "../rules"} : files;
}

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

}  // namespace

int check_rules(const std::vector<std::string>& paths, bool as_json, bool verbose) {
    const Files files = read_all(paths);
    const fields::FieldCatalogue catalogue;
    const rules::LoadResult result = rules::load_rules(files.contents, catalogue);
    std::cout << (as_json ? rules::report_json(result, catalogue) + "\n" : rules::report_text(result, verbose));
    std::cout.flush();
    return complain(files) != 0 || !result.ok() ? 1 : 0;
}

int list_rules(const std::vector<std::string>& paths, bool as_json) {
    const Files files = read_all(or_bundled(paths));
    const fields::FieldCatalogue catalogue;
    const rules::LoadResult result = rules::load_rules(files.contents, catalogue);
    json::array list;
    for (const rules::Rule& r : result.ruleset->rules()) {
        if (!as_json) {
            std::printf("%-13s %-8s %s\n", std::string(rules::to_string(r.priority)).c_str(), r.enabled ? "enabled" : "disabled",
                        r.name.c_str());
            continue;
        }
        json::array tags;
        for (const std::string& t : r.tags) tags.emplace_back(t);
        list.push_back({{"name", r.name},
                        {"priority", std::string(rules::to_string(r.priority))},
                        {"enabled", r.enabled},
                        {"description", r.description},
                        {"tags", std::move(tags)}});
    }
    if (as_json) std::cout << list << "\n";
    for (const rules::FileResult& f : result.files)
        for (const rules::Problem& p : f.errors)
            std::fprintf(stderr, "undercoat: %s\n", actions::problem_text(p, result.files).c_str());
    return complain(files) != 0 || !result.ok() ? 1 : 0;
}

int list_fields(bool as_json) {
    const fields::FieldCatalogue catalogue;
    json::array list;
    for (const rules::FieldInfo& f : catalogue.fields()) {
        const char* argument = f.argument == rules::ArgumentUse::none ? "" : f.argument == rules::ArgumentUse::required ? "[x]" : "[x]?";
        if (!as_json) {
            std::printf("%-42s %-8s %s\n", (std::string(f.name) + argument).c_str(), type_word(f.type),
                        std::string(f.description).c_str());
            continue;
        }
        list.push_back({{"name", std::string(f.name)},
                        {"type", type_word(f.type)},
                        {"list", f.is_list},
                        {"argument", f.argument == rules::ArgumentUse::none       ? "none"
                                     : f.argument == rules::ArgumentUse::required ? "required"
                                                                                  : "allowed"},
                        {"description", std::string(f.description)}});
    }
    if (as_json) std::cout << list << "\n";
    return 0;
}

}  // namespace undercoat::cli
