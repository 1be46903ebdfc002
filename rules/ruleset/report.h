// The results of loading as text and JSON, in the form of Falco's validation.
#pragma once

#include "rules/ruleset/loader.h"

#include <string>

namespace undercoat::rules {

// One problem with its place, for people: "FILE:LINE:COLUMN: message" and the snippet.
std::string problem_text(const Problem& problem, std::span<const FileResult> files);

// One line "FILE: Ok", "FILE: Ok, with warnings" or "FILE: Invalid" per file, then its problems: errors always,
// warnings if verbose. Ends in a newline.
std::string report_text(const LoadResult& result, bool verbose);

// The object with falco_load_results, and falco_describe_results if describe is set; only of that rule if it is not
// empty.
std::string report_json(const LoadResult& result, const Catalogue& catalogue, bool describe = false,
                        const std::string& only_rule = "");

}  // namespace undercoat::rules
