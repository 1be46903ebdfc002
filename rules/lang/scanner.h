// Reads the tokens of a condition, one at a time, as the parser asks for them.
//
// Must stay true: each function either consumes its token and returns it, or consumes nothing; tokens match longest.
// Whether a word is a keyword, a macro or a value depends on its place, so the scanner has one function per kind of
// place.
#pragma once

#include "rules/lang/escape.h"

#include <optional>
#include <string>
#include <string_view>

namespace undercoat::rules {

class Scanner {
public:
    explicit Scanner(std::string_view text) : text_(text) {}

    size_t offset() const { return at_; }
    void rewind(size_t offset) { at_ = offset; }
    bool at_end() const { return at_ == text_.size(); }
    // The token that was consumed last, for error messages.
    std::string_view last() const { return last_; }
    std::string_view rest() const { return text_.substr(at_); }
    // Returns whether any blank was skipped.
    bool blanks();
    bool punctuation(char c);
    // A word that a blank must follow ("contains ").
    bool word_and_blank(std::string_view word);
    // "and", "or", "not": a blank or "(" must follow; neither is consumed.
    bool connective(std::string_view word);
    bool literally(std::string_view word);
    // Letters, then letters, digits and "_".
    std::optional<std::string_view> identifier();
    // identifier "." identifier { "." identifier }
    std::optional<std::string_view> field_name();
    // Sign, digits, fraction, exponent; or 0x and hex digits.
    std::optional<std::string_view> number();
    std::optional<std::string_view> bare();
    // What may stand unquoted between "[" and "]".
    std::optional<std::string_view> bare_argument();
    // With its quotes. Consumes nothing and sets unterminated if the closing quote is missing.
    std::optional<std::string_view> quoted(bool& unterminated);

private:
    std::string_view take(size_t length) {
        std::string_view token = text_.substr(at_, length);
        at_ += length;
        last_ = token;
        return token;
    }
    size_t identifier_length(size_t from) const;
    size_t hex_length() const;

    std::string_view text_;
    std::string_view last_;
    size_t at_ = 0;
};

}  // namespace undercoat::rules
