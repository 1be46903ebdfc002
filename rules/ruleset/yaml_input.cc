// YAML documents and what is wrong with them, see yaml_input.h. Source of the byte order marks: the Unicode standard, 23.8.
#include "rules/ruleset/yaml_input.h"

#include "base/utf8.h"

#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <array>
#include <optional>
#include <sstream>
#include <string_view>

namespace undercoat::rules {
namespace {

void append_utf8(std::string& out, uint32_t c) {
    if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
        out += kReplacement;
    } else if (c < 0x80) {
        out += static_cast<char>(c);
    } else if (c < 0x800) {
        out += static_cast<char>(0xc0 | c >> 6), out += static_cast<char>(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        out += static_cast<char>(0xe0 | c >> 12), out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
        out += static_cast<char>(0x80 | (c & 0x3f));
    } else {
        out += static_cast<char>(0xf0 | c >> 18), out += static_cast<char>(0x80 | (c >> 12 & 0x3f));
        out += static_cast<char>(0x80 | (c >> 6 & 0x3f)), out += static_cast<char>(0x80 | (c & 0x3f));
    }
}

// Units of `width` bytes after a mark of that width.
std::string decoded(std::string_view bytes, size_t width, bool big_endian) {
    std::vector<uint32_t> units;
    for (size_t at = width; at + width <= bytes.size(); at += width) {
        uint32_t u = 0;
        for (size_t i = 0; i < width; ++i)
            u = u << 8 | static_cast<uint8_t>(bytes[big_endian ? at + i : at + width - 1 - i]);
        units.push_back(u);
    }
    std::string out;
    for (size_t i = 0; i < units.size(); ++i) {
        const bool pair = width == 2 && (units[i] & 0xfc00) == 0xd800 && i + 1 < units.size() && (units[i + 1] & 0xfc00) == 0xdc00;
        if (pair) append_utf8(out, 0x10000 + ((units[i] & 0x3ff) << 10) + (units[i + 1] & 0x3ff)), ++i;
        else append_utf8(out, units[i]);
    }
    return out;
}

YamlProblem problem_at(std::string_view content, size_t offset, std::string message) {
    const std::string_view before = content.substr(0, offset);
    const size_t newline = before.rfind('\n');
    YamlProblem p{std::move(message), 1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n')), 1, offset};
    p.column = 1 + (newline == before.npos ? offset : offset - newline - 1);
    return p;
}

// Whether the quoted text that begins at `at` ends. yaml-cpp takes the end of the file for its end.
bool is_closed(std::string_view content, size_t at) {
    const char quote = content[at];
    for (size_t i = at + 1; i < content.size(); ++i) {
        const bool doubled = content[i] == '\'' && i + 1 < content.size() && content[i + 1] == '\'';
        if (quote == '"' ? content[i] == '\\' : doubled) ++i;
        else if (content[i] == quote) return true;
    }
    return false;
}

// Bounds what yaml-cpp makes of a stream: on some malformed input it gives empty documents for ever without moving on.
class StreamCheck : public YAML::EventHandler {
public:
    StreamCheck(std::string_view content, YAML::EventHandler* also) : content_(content), also_(also) {}
    void OnDocumentStart(const YAML::Mark& mark) override {
        if (++documents_ > max_documents) throw YAML::ParserException(mark, "too many documents, or malformed content");
        if (also_) also_->OnDocumentStart(mark);
    }
    void OnDocumentEnd() override {
        if (also_) also_->OnDocumentEnd();
    }
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        node(mark);
        if (also_) also_->OnNull(mark, anchor);
    }
    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        node(mark);
        if (also_) also_->OnAlias(mark, anchor);
    }
    void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, const std::string& value) override {
        node(mark);
        const auto at = static_cast<size_t>(mark.pos);
        const bool quoted = tag == "!" && at < content_.size() && (content_[at] == '"' || content_[at] == '\'');
        if (quoted && !is_closed(content_, at))
            throw YAML::ParserException(mark, "nothing closes the quote that begins here");
        if (also_) also_->OnScalar(mark, tag, anchor, value);
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value style) override {
        node(mark);
        if (also_) also_->OnSequenceStart(mark, tag, anchor, style);
    }
    void OnSequenceEnd() override {
        if (also_) also_->OnSequenceEnd();
    }
    void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, YAML::EmitterStyle::value style) override {
        node(mark);
        if (also_) also_->OnMapStart(mark, tag, anchor, style);
    }
    void OnMapEnd() override {
        if (also_) also_->OnMapEnd();
    }

private:
    static constexpr size_t max_documents = 1000, max_nodes = 2'000'000;
    void node(const YAML::Mark& mark) {
        if (++nodes_ > max_nodes) throw YAML::ParserException(mark, "the file has too many values");
    }
    std::string_view content_;
    YAML::EventHandler* also_;
    size_t documents_ = 0, nodes_ = 0;
};

// What to do about a message of the library; it begins with one of these.
struct Advice {
    std::string_view message, advice;
};
constexpr std::array kAdvice = {
    Advice{"unknown escape character", "in double quotes a backslash begins an escape: write two, or use single quotes"},
    Advice{"illegal map value", "a text with ': ' in it stands in quotes; and lines of one item begin in the same column"},
    Advice{"unknown token", "a text that begins with %, @ or ` stands in quotes"},
    Advice{"illegal block entry", "lines of one list begin in the same column"},
    Advice{"end of sequence flow not found", "a ']' or ',' is missing before this place"},
    Advice{"end of map flow not found", "a '}' or ',' is missing before this place"},
    Advice{"illegal flow end", "this bracket closes nothing"},
    Advice{"end of map not found", "lines of one item begin in the same column"},
    Advice{"end of sequence not found", "entries of one list begin with '- ' in the same column"},
    Advice{"the referenced anchor is not defined", "a text that begins with * or & stands in quotes"},
    Advice{"illegal EOF in scalar", "the quote at the beginning of the text is not closed"},
    Advice{"alias not found after *", "a text that begins with * stands in quotes"},
    Advice{"anchor not found after &", "a text that begins with & stands in quotes"}};

// Whether a tab stands in the indentation of the line that holds this byte.
bool tab_before(std::string_view content, size_t offset) {
    const size_t newline = content.substr(0, offset).rfind('\n');
    const std::string_view line = content.substr(newline == content.npos ? 0 : newline + 1);
    return line.substr(0, line.find_first_not_of(" \t")).find('\t') != line.npos;
}

// The library's message without what only it can make sense of, and what to do.
std::string with_advice(std::string message, std::string_view content, const YAML::Mark& mark) {
    if (!mark.is_null() && tab_before(content, std::min(static_cast<size_t>(mark.pos), content.size())))
        return message + ": YAML is indented with blanks only; replace the tab";
    for (const Advice& a : kAdvice)
        if (message.starts_with(a.message)) return message.append(": ").append(a.advice);
    return message;
}

std::optional<YamlProblem> odd_bytes(const std::string& content) {
    if (content.starts_with("\x1f\x8b")) return problem_at(content, 0, "this is a gzip archive, not YAML");
    const size_t nul = content.find('\0');
    if (nul != content.npos) return problem_at(content, nul, "a NUL byte stands here: the file is damaged or no text");
    return std::nullopt;
}

}  // namespace

std::string to_utf8(std::string content) {
    const std::string_view c = content;
    using std::string_view_literals::operator""sv;
    if (c.starts_with("\xef\xbb\xbf"sv)) return content.substr(3);
    if (c.starts_with("\xff\xfe\0\0"sv)) return decoded(c, 4, false);
    if (c.starts_with("\0\0\xfe\xff"sv)) return decoded(c, 4, true);
    if (c.starts_with("\xff\xfe"sv)) return decoded(c, 2, false);
    if (c.starts_with("\xfe\xff"sv)) return decoded(c, 2, true);
    return content;
}

std::optional<YamlProblem> read_yaml(const std::string& content, YAML::EventHandler* also) {
    if (auto odd = odd_bytes(content)) return odd;
    try {
        std::istringstream stream(content);
        YAML::Parser parser(stream);
        StreamCheck check(content, also);
        while (parser.HandleNextDocument(check)) {
        }
        return std::nullopt;
    } catch (const YAML::Exception& e) {
        YamlProblem p{with_advice(e.msg, content, e.mark), 1, 1, 0};
        if (e.mark.is_null()) return p;
        p.line = static_cast<size_t>(e.mark.line) + 1, p.column = static_cast<size_t>(e.mark.column) + 1;
        p.offset = static_cast<size_t>(e.mark.pos);
        return p;
    }
}

std::variant<std::vector<YAML::Node>, YamlProblem> load_yaml(const std::string& content) {
    if (auto problem = read_yaml(content)) return std::move(*problem);
    return YAML::LoadAll(content);  // what it throws, the first pass has thrown
}

}  // namespace undercoat::rules
