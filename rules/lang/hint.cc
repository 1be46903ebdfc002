// Hints for conditions that do not parse, see hint.h. Each function knows one kind of mistake.
#include "rules/lang/hint.h"

#include "rules/catalogue.h"
#include "rules/lang/escape.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>
#include <vector>

namespace undercoat::rules {
namespace {

using Pair = std::pair<std::string_view, std::string_view>;

constexpr std::array kOperators = {
    std::string_view("="),        std::string_view("!="),         std::string_view("<="),         std::string_view(">="),
    std::string_view("exists"),   std::string_view("in"),         std::string_view("intersects"), std::string_view("pmatch"),
    std::string_view("glob"),     std::string_view("iglob"),      std::string_view("regex"),      std::string_view("contains"),
    std::string_view("icontains"), std::string_view("bcontains"), std::string_view("startswith"),
    std::string_view("bstartswith"), std::string_view("endswith")};
// What other languages call them.
constexpr std::array kForeignOperators = {
    Pair{"~", "regex"},          Pair{"=~", "regex"},         Pair{"~=", "regex"},     Pair{"matches", "regex"},
    Pair{"match", "regex"},      Pair{"like", "glob"},        Pair{"<>", "!="},        Pair{"is", "="},
    Pair{"equals", "="},         Pair{"eq", "="},             Pair{"ne", "!="},        Pair{"has", "contains"},
    Pair{"includes", "contains"}, Pair{"beginswith", "startswith"}, Pair{"begins", "startswith"},
    Pair{"hasprefix", "startswith"}, Pair{"hassuffix", "endswith"}};
constexpr std::array kConnectives = {Pair{"&&", "and"},  Pair{"&", "and"},  Pair{"||", "or"}, Pair{"|", "or"},
                                     Pair{"AND", "and"}, Pair{"And", "and"}, Pair{"OR", "or"}, Pair{"Or", "or"},
                                     Pair{"NOT", "not"}, Pair{"Not", "not"}, Pair{"!", "not"}};
// Characters that look like ASCII ones: quotes, blanks, dashes.
constexpr std::array kLookalikes = {Pair{"\xe2\x80\x9c", "\""}, Pair{"\xe2\x80\x9d", "\""}, Pair{"\xe2\x80\x9e", "\""},
                                    Pair{"\xe2\x80\x98", "'"},  Pair{"\xe2\x80\x99", "'"},  Pair{"\xc2\xa0", "a blank"},
                                    Pair{"\xe2\x80\xaf", "a blank"}, Pair{"\xe2\x80\x93", "-"}};

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

std::string_view partner(std::span<const Pair> pairs, std::string_view word) {
    for (const auto& [from, to] : pairs)
        if (from == word) return to;
    return {};
}

std::string quoted(std::string_view s) { return "'" + std::string(s) + "'"; }

// What stands around the place: the word there and the one before it.
struct Around {
    std::string_view before, word, after;  // after: from the place to the end

    Around(std::string_view text, size_t offset) {
        while (offset < text.size() && is_space(text[offset])) ++offset;
        size_t end = offset;
        while (end < text.size() && !is_space(text[end])) ++end;
        word = text.substr(offset, end - offset), after = text.substr(offset);
        size_t last = std::min(offset, text.size());
        while (last > 0 && is_space(text[last - 1])) --last;
        size_t first = last;
        while (first > 0 && !is_space(text[first - 1]) && text[first - 1] != '(') --first;
        before = text.substr(first, last - first);
    }
};

std::string lookalike(std::string_view text) {
    for (const auto& [odd, plain] : kLookalikes)
        if (text.find(odd) != text.npos)
            return "; " + (plain == "a blank" ? std::string("a no-break space") : quoted(odd)) +
                   " only looks like what the language knows: write " + std::string(plain);
    return "";
}

// The last '(' outside quotes that nothing closes.
std::string open_parenthesis(std::string_view text) {
    std::vector<size_t> open;
    char quote = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (quote != 0) {
            if (c == quote && text[i - 1] != '\\') quote = 0;
        } else if (c == '"' || c == '\'') {
            quote = c;
        } else if (c == '(') {
            open.push_back(i);
        } else if (c == ')' && !open.empty()) {
            open.pop_back();
        }
    }
    if (open.empty()) return "";
    return "; nothing closes the '(' in " + quoted(text.substr(open.back(), 24));
}

std::string connective(const Around& a) {
    if (std::string_view meant = partner(kConnectives, a.word); !meant.empty())
        return "; write " + quoted(meant) + " for " + quoted(a.word);
    if (a.word.starts_with('!') && a.word != "!=") return "; write 'not' for '!'";
    const auto is = [](std::string_view w) { return w == "and" || w == "or" || w == "not"; };
    if (is(a.word) && a.after.size() == a.word.size()) return "; a comparison is missing after " + quoted(a.word);
    if (is(a.before)) return "; a comparison is missing before " + quoted(a.before);
    if (is(a.word)) return "; a comparison is missing before " + quoted(a.word);
    return "";
}

std::string operator_word(const Around& a) {
    if (a.word == "not" && (a.after.starts_with("not in") || a.after.starts_with("not pmatch")))
        return "; write 'not' before the field: not " + std::string(a.before) + " in (...)";
    std::string_view word = a.word;
    if (std::string_view meant = partner(kForeignOperators, word); !meant.empty())
        return "; write " + quoted(meant) + " for " + quoted(word);
    const std::string near = nearest_name(word, kOperators);
    return near.empty() || near == word ? "" : ", did you mean " + quoted(near) + "?";
}

std::string value(const Around& a) {
    if (a.after.starts_with('[')) return "; a list stands in parentheses: (a, b)";
    if (a.after.starts_with(')') && a.before.ends_with(',')) return "; there is one comma too many before the ')'";
    if (a.after.starts_with('"') || a.after.starts_with('\'')) {
        const std::string_view text = a.after.substr(0, std::min(a.after.find(a.after.front(), 1), a.after.size() - 1) + 1);
        const bool numeric = a.before.find_last_of("<>") != a.before.npos;
        if (!numeric) return "; write (" + std::string(text) + ") for a list of one";
        return "; numbers stand without quotes" + (text.size() > 2 ? ": write " + std::string(text.substr(1, text.size() - 2)) : "");
    }
    return "";
}

std::string end_of_condition(std::string_view text, const Around& a) {
    if (std::string s = connective(a); !s.empty()) return s;
    if (a.word.starts_with(')')) return "; this ')' closes nothing";
    if (a.before == "~" || a.before == "=~" || a.before.ends_with("=~")) return "; write 'regex' for '=~'";
    const bool call = a.after.starts_with('(') && !a.before.empty();
    if (call && a.before == "val") return "; val(field) stands on the right side of a comparison only";
    if (call) return "; there is no transformer " + quoted(a.before) + ", but tolower, toupper, b64, basename, len, join, "
                     "concat, getopt";
    if (a.word.starts_with('-')) return "; names of macros consist of letters, digits and _";
    const bool word = !a.word.empty() && is_bare(a.word.front());
    const bool value = text.find_first_of("=<>") != text.npos && word && a.before.find('.') == a.before.npos;
    if (value) return "; a value with blanks stands in quotes: \"" + std::string(a.before) + " " + std::string(a.word) + "\"";
    return "";
}

std::string quote(std::string_view text, size_t offset) {
    const char q = text[offset];
    const bool escaped = text.back() == q && text.size() > offset + 2 && text[text.size() - 2] == '\\';
    return escaped ? "; a backslash before it makes the last quote a part of the text" : "";
}

}  // namespace

std::string syntax_hint(std::string_view text, const ParseError& error) {
    const size_t offset = std::min(error.offset, text.size());
    if (std::string s = lookalike(text); !s.empty()) return s;
    const Around a(text, offset);
    switch (error.wanted) {
        case Wanted::connective: return end_of_condition(text, a);
        case Wanted::check: return connective(a);
        case Wanted::comparison: return operator_word(a);
        case Wanted::value: return value(a);
        case Wanted::parenthesis: return open_parenthesis(text);
        case Wanted::quote: return offset < text.size() ? quote(text, offset) : "";
        case Wanted::other: break;
    }
    return "";
}

}  // namespace undercoat::rules
