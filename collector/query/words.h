// The words of a text, as the index of alerts takes them: without case and accents. One rule for searches and for the live stream.
//
// Must stay true: any text is safe, and what is made of it are single words: nothing of it reaches the index's own language.
#pragma once

#include "collector/record.h"

#include <string>
#include <string_view>
#include <vector>

namespace undercoat::collector {

struct Word {
    std::string text;
    bool begins = false;  // "begin*": words that begin so are meant
    bool operator==(const Word&) const = default;
};

std::vector<Word> words_of(std::string_view text, size_t most = SIZE_MAX);
// All of them, in the alert's message, rule or host.
bool has_words(const AlertRecord& alert, const std::vector<Word>& words);

}  // namespace undercoat::collector
