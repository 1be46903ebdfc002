// See words.h. The tokenizer is FTS5's own, unicode61 as the index has it: https://sqlite.org/fts5.html#custom_tokenizers
#include "collector/query/words.h"

#include <sqlite3.h>
#include <algorithm>
#include <stdexcept>

namespace undercoat::collector {
namespace {

// One for each thread: it keeps the word that it works on.
class Tokenizer {
public:
    Tokenizer() {
        fts5_api* api = nullptr;
        sqlite3_stmt* ask = nullptr;
        if (sqlite3_open(":memory:", &db_) == SQLITE_OK && sqlite3_prepare_v2(db_, "SELECT fts5(?1)", -1, &ask, nullptr) == SQLITE_OK) {
            sqlite3_bind_pointer(ask, 1, &api, "fts5_api_ptr", nullptr);
            sqlite3_step(ask);
        }
        sqlite3_finalize(ask);
        void* context = nullptr;
        if (api && api->xFindTokenizer(api, "unicode61", &context, &functions_) == SQLITE_OK)
            functions_.xCreate(context, nullptr, 0, &tokenizer_);
        if (!tokenizer_) sqlite3_close(db_);
        if (!tokenizer_) throw std::runtime_error("SQLite has no tokenizer");
    }
    ~Tokenizer() {
        functions_.xDelete(tokenizer_);
        sqlite3_close(db_);
    }
    Tokenizer(const Tokenizer&) = delete;
    Tokenizer& operator=(const Tokenizer&) = delete;

    std::vector<Word> split(std::string_view text, size_t most) {
        Split split{text, most, {}};
        functions_.xTokenize(tokenizer_, &split, FTS5_TOKENIZE_DOCUMENT, text.data(), static_cast<int>(text.size()),
                             [](void* to, int, const char* token, int size, int, int end) {
                                 Split& s = *static_cast<Split*>(to);
                                 if (s.words.size() >= s.most) return SQLITE_DONE;
                                 const auto at = static_cast<size_t>(end);
                                 s.words.push_back({{token, static_cast<size_t>(size)}, at < s.text.size() && s.text[at] == '*'});
                                 return SQLITE_OK;
                             });
        return std::move(split.words);
    }

private:
    struct Split {
        std::string_view text;
        size_t most;
        std::vector<Word> words;
    };
    sqlite3* db_ = nullptr;
    fts5_tokenizer functions_{};
    Fts5Tokenizer* tokenizer_ = nullptr;
};

}  // namespace

std::vector<Word> words_of(std::string_view text, size_t most) {
    thread_local Tokenizer tokenizer;
    return tokenizer.split(text, most);
}

bool has_words(const AlertRecord& a, const std::vector<Word>& words) {
    if (words.empty()) return true;
    const std::vector<Word> text = words_of(a.message + " " + a.rule + " " + a.hostname);
    return std::all_of(words.begin(), words.end(), [&](const Word& w) {
        return std::any_of(text.begin(), text.end(), [&](const Word& t) { return w.begins ? t.text.starts_with(w.text) : t.text == w.text; });
    });
}

}  // namespace undercoat::collector
