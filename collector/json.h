// JSON text of the collector's answers.
//
// Must stay true: what comes from agents is quoted here and nowhere put into JSON otherwise, but for the objects that the
// store has parsed.
#pragma once

#include "collector/record.h"

#include <string>
#include <string_view>

namespace undercoat::collector {

void append_quoted(std::string_view text, std::string& out);
// As GET /api/v1/alerts gives it.
void append_json(const AlertRecord& alert, std::string& out);
void append_json(const AgentRecord& agent, std::string& out);
// For log lines: one line, no terminal escapes, not longer than 200 bytes.
std::string harmless(std::string_view text);

}  // namespace undercoat::collector
