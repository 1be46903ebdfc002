// Positions and snippets in rules files, see source_file.h.
#include "rules/ruleset/source_file.h"

#include "base/utf8.h"

#include <algorithm>

namespace undercoat::rules {
namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

Position at_offset(const RulesFile& file, uint32_t index, size_t offset) {
    Position p;
    p.file = index;
    p.offset = offset;
    std::string_view before = std::string_view(file.content).substr(0, offset);
    p.line = 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
    size_t newline = before.rfind('\n');
    p.column = 1 + (newline == before.npos ? offset : offset - newline - 1);
    return p;
}

// Behind the ">-" or "|2" of a block scalar, or the opening quote.
size_t skip_indicator(std::string_view text, size_t at) {
    if (at >= text.size()) return at;
    if (text[at] == '"' || text[at] == '\'') return at + 1;
    if (text[at] != '>' && text[at] != '|') return at;
    return std::min(text.find('\n', at), text.size());
}

}  // namespace

Position position_of(const YamlNode& node, uint32_t file) {
    Position p;
    p.file = file;
    YAML::Mark mark = node.Mark();
    if (mark.is_null()) return p;
    p.line = static_cast<size_t>(mark.line) + 1;
    p.column = static_cast<size_t>(mark.column) + 1;
    p.offset = static_cast<size_t>(mark.pos);
    return p;
}

Position position_inside(const RulesFile& file, const Position& scalar, std::string_view value, size_t offset) {
    std::string_view text = file.content;
    size_t at = skip_indicator(text, scalar.offset);
    // Only blanks differ between the value and the file, so the other bytes lead the way.
    for (size_t i = 0; i < value.size() && i <= offset; ++i) {
        if (is_space(value[i]) && i == offset) return at_offset(file, scalar.file, at);
        if (is_space(value[i])) continue;
        while (at < text.size() && is_space(text[at])) ++at;
        if (at >= text.size() || text[at] != value[i]) return scalar;
        if (i == offset) return at_offset(file, scalar.file, at);
        ++at;
    }
    return at <= text.size() && offset >= value.size() ? at_offset(file, scalar.file, at) : scalar;
}

std::string snippet_at(const RulesFile& file, const Position& position) {
    constexpr size_t width = 160, before = 80;
    std::string_view text = file.content;
    size_t start = 0;
    for (size_t line = 1; line < position.line; ++line) {
        size_t newline = text.find('\n', start);
        if (newline == text.npos) return "";
        start = newline + 1;
    }
    size_t end = std::min(text.find_first_of("\r\n", start), text.size());
    std::string_view line = text.substr(start, end - start);
    size_t column = std::min(position.column - 1, line.size());
    size_t cut = column > before && line.size() > width ? column - before : 0;
    std::string shown, indent;
    // A caret stands below a character, not a byte.
    for (size_t at = cut; at < line.size() && (at < cut + width || at < column);) {
        const size_t length = utf8_length(line, at);
        const bool odd = length == 0 || is_control(line[at]);
        if (odd) shown += line[at] == '\t' ? std::string_view(" ") : kReplacement;
        else shown.append(line.substr(at, length));
        at += std::max<size_t>(length, 1);
        if (at <= column) indent += ' ';
    }
    return shown + "\n" + indent + "^";
}

}  // namespace undercoat::rules
