// See rules_files.h.
#include "supervisor/cli/rules_files.h"

#include "supervisor/actions/rule_host.h"
#include "supervisor/cli/commands.h"

#include <cstdio>

namespace undercoat::cli {

RulesFiles read_rules(const std::vector<std::string>& paths) {
    RulesFiles all;
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

std::vector<std::string> or_bundled(const std::vector<std::string>& paths) {
    return paths.empty() ? std::vector<std::string>{own_directory() + "../rules"} : paths;
}

bool complain(const RulesFiles& files, const rules::LoadResult& result) {
    for (const std::string& message : files.unreadable) std::fprintf(stderr, "undercoat: %s\n", message.c_str());
    for (const rules::FileResult& f : result.files)
        for (const rules::Problem& p : f.errors)
            std::fprintf(stderr, "undercoat: %s\n", actions::problem_text(p, result.files).c_str());
    return files.unreadable.empty() && result.ok();
}

}  // namespace undercoat::cli
