// Reads the tokens of a condition, see scanner.h.
#include "rules/lang/scanner.h"

namespace undercoat::rules {
namespace {

// Not <cctype>: the language is ASCII whatever the locale says.
bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

}  // namespace

bool Scanner::blanks() {
    size_t start = at_;
    while (!at_end() && is_blank(text_[at_])) ++at_;
    return at_ != start;
}

bool Scanner::punctuation(char c) {
    if (at_end() || text_[at_] != c) return false;
    take(1);
    return true;
}

bool Scanner::literally(std::string_view word) {
    if (!rest().starts_with(word)) return false;
    take(word.size());
    return true;
}

bool Scanner::word_and_blank(std::string_view word) {
    std::string_view r = rest();
    if (!r.starts_with(word) || r.size() == word.size() || !is_blank(r[word.size()])) return false;
    take(word.size());
    return true;
}

bool Scanner::connective(std::string_view word) {
    std::string_view r = rest();
    if (!r.starts_with(word) || r.size() == word.size()) return false;
    if (!is_blank(r[word.size()]) && r[word.size()] != '(') return false;
    take(word.size());
    return true;
}

size_t Scanner::identifier_length(size_t from) const {
    size_t i = from;
    if (i == text_.size() || !is_letter(text_[i])) return 0;
    while (i < text_.size() && (is_letter(text_[i]) || is_digit(text_[i]) || text_[i] == '_')) ++i;
    return i - from;
}

std::optional<std::string_view> Scanner::identifier() {
    size_t length = identifier_length(at_);
    if (length == 0) return std::nullopt;
    return take(length);
}

std::optional<std::string_view> Scanner::field_name() {
    size_t end = at_ + identifier_length(at_);
    bool dotted = false;
    while (end > at_ && end < text_.size() && text_[end] == '.') {
        size_t next = identifier_length(end + 1);
        if (next == 0) break;
        end += 1 + next;
        dotted = true;
    }
    if (!dotted) return std::nullopt;
    return take(end - at_);
}

size_t Scanner::hex_length() const {
    std::string_view r = rest();
    if (r.size() < 3 || r[0] != '0' || (r[1] != 'x' && r[1] != 'X')) return 0;
    size_t i = 2;
    while (i < r.size() && is_hex(r[i])) ++i;
    return i > 2 ? i : 0;
}

std::optional<std::string_view> Scanner::number() {
    if (size_t hex = hex_length()) return take(hex);
    std::string_view r = rest();
    size_t i = !r.empty() && (r[0] == '+' || r[0] == '-') ? 1 : 0;
    size_t first = i;
    while (i < r.size() && is_digit(r[i])) ++i;
    if (i == first) return std::nullopt;
    if (i < r.size() && r[i] == '.') {
        ++i;
        while (i < r.size() && is_digit(r[i])) ++i;
    }
    if (i < r.size() && (r[i] == 'e' || r[i] == 'E')) {
        size_t j = i + 1;
        if (j < r.size() && (r[j] == '+' || r[j] == '-')) ++j;
        size_t digits = j;
        while (j < r.size() && is_digit(r[j])) ++j;
        if (j > digits) i = j;
    }
    return take(i);
}

std::optional<std::string_view> Scanner::bare() {
    size_t end = at_;
    while (end < text_.size() && is_bare(text_[end])) ++end;
    if (end == at_) return std::nullopt;
    return take(end - at_);
}

std::optional<std::string_view> Scanner::bare_argument() {
    size_t end = at_;
    auto allowed = [](char c) { return !is_blank(c) && c != '[' && c != ']' && c != '"' && c != '\''; };
    while (end < text_.size() && allowed(text_[end])) ++end;
    if (end == at_) return std::nullopt;
    return take(end - at_);
}

std::optional<std::string_view> Scanner::quoted(bool& unterminated) {
    unterminated = false;
    if (at_end() || (text_[at_] != '"' && text_[at_] != '\'')) return std::nullopt;
    for (size_t i = at_ + 1; i < text_.size(); ++i)
        if (text_[i] == text_[at_] && text_[i - 1] != '\\') return take(i + 1 - at_);
    unterminated = true;
    return std::nullopt;
}

}  // namespace undercoat::rules
