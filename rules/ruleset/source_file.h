// One rules file while it is loaded: its text, and positions and snippets in it.
#pragma once

#include "rules/ruleset/loader.h"
#include "rules/ruleset/yaml_tree.h"

namespace undercoat::rules {

Position position_of(const YamlNode& node, uint32_t file);

// Where the byte at `offset` of a scalar's value stands in the file. Folding and indentation of block scalars are
// followed; where the text was escaped in quotes, the start of the scalar.
Position position_inside(const RulesFile& file, const Position& scalar, std::string_view value, size_t offset);

// The line of the position, cut to a readable length, and below it a ^.
std::string snippet_at(const RulesFile& file, const Position& position);

}  // namespace undercoat::rules
