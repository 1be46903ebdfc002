// Loads rules files, see loader.h.
#include "rules/ruleset/loader.h"

#include "rules/ruleset/build.h"
#include "rules/ruleset/reader.h"
#include "rules/ruleset/yaml_input.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace undercoat::rules {

Result<RulesFile> read_rules_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream content;
    if (in && in.peek() != std::ifstream::traits_type::eof()) content << in.rdbuf();
    if (!in.is_open() || in.bad() || content.bad())
        return Error{"cannot read the rules file " + path + ": " + std::strerror(errno)};
    return RulesFile{path, to_utf8(content.str())};
}

bool LoadResult::ok() const {
    return std::all_of(files.begin(), files.end(), [](const FileResult& f) { return f.ok(); });
}

LoadResult load_rules(std::span<const RulesFile> files, const Catalogue& catalogue, const LoadOptions& options) {
    LoadResult out;
    Definitions definitions;
    out.ruleset = build_ruleset(definitions, files, catalogue, options).ruleset;
    for (uint32_t i = 0; i < files.size(); ++i) {
        FileResult result;
        result.name = files[i].name;
        Definitions changed = definitions;
        FileContext context{files[i], i, result};
        if (read_definitions(context, catalogue, options, changed)) {
            BuildResult built = build_ruleset(changed, files, catalogue, options);
            for (Problem& p : built.problems) {
                bool here = std::any_of(p.locations.begin(), p.locations.end(),
                                        [&](const Location& l) { return l.position.file == i; });
                if (is_error(p.code)) result.errors.push_back(std::move(p));
                else if (here) result.warnings.push_back(std::move(p));
            }
            if (built.ruleset) {
                definitions = std::move(changed);
                out.ruleset = std::move(built.ruleset);
            }
        }
        out.files.push_back(std::move(result));
    }
    return out;
}

}  // namespace undercoat::rules
