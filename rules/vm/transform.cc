// The transformers, see transform.h.
#include "rules/vm/transform.h"

#include "rules/vm/text_match.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace undercoat::rules {
namespace {

template <class Convert>
Value map_bytes(const Value& in, Arena& arena, Convert convert) {
    auto out = arena.array<char>(in.text().size());
    std::transform(in.text().begin(), in.text().end(), out.begin(), convert);
    return Value::text({out.data(), out.size()});
}

int base64_digit(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    if (c == '+') return 62;
    if (c == '/') return 63;
    return -1;
}

// RFC 4648 section 4, with the padding optional.
Value decode_base64(const Value& in, Arena& arena) {
    std::string_view text = in.text();
    for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
    if (text.size() % 4 == 1) return {};
    auto out = arena.array<char>(text.size() * 3 / 4);
    uint32_t bits = 0;
    unsigned count = 0;
    size_t written = 0;
    for (char c : text) {
        int digit = base64_digit(c);
        if (digit < 0) return {};
        bits = (bits << 6 | static_cast<uint32_t>(digit)) & 0xffffff;
        count += 6;
        if (count < 8) continue;
        count -= 8;
        out[written++] = static_cast<char>(bits >> count & 0xff);
    }
    std::string_view decoded(out.data(), written);
    return in.kind() == Value::Kind::bytes ? Value::bytes(decoded) : Value::text(decoded);
}

Value basename(const Value& in) {
    std::string_view text = in.text();
    size_t slash = text.rfind('/');
    return Value::text(slash == text.npos ? text : text.substr(slash + 1));
}

Value length(const Value& in) {
    return Value::u64(in.kind() == Value::Kind::list ? in.list().size() : in.text().size());
}

Value concatenate(std::span<const Value> parts, std::string_view separator, Arena& arena) {
    auto texts = arena.array<std::string_view>(parts.size());
    size_t size = 0;
    for (size_t i = 0; i < parts.size(); ++i) {
        if (!parts[i].exists()) return {};
        texts[i] = render_text(parts[i], arena);
        size += texts[i].size() + (i > 0 ? separator.size() : 0);
    }
    auto out = arena.array<char>(size);
    size_t at = 0;
    auto append = [&](std::string_view s) {
        at = static_cast<size_t>(std::copy(s.begin(), s.end(), out.data() + at) - out.data());
    };
    for (size_t i = 0; i < parts.size(); ++i) {
        if (i > 0) append(separator);
        append(texts[i]);
    }
    return Value::text({out.data(), out.size()});
}

// Reads words as POSIX getopt does, but for words that start with "--", which are skipped.
class GetOpt {
public:
    GetOpt(std::span<const Value> words, std::string_view options) : words_(words), options_(options) {
        if (options_.starts_with(':')) options_.remove_prefix(1);
    }

    // Calls found(letter, has_argument, argument) for each option; an unknown one has the letter '?'.
    template <class Found>
    void each(Found found) {
        for (; i_ < words_.size(); ++i_) {
            std::string_view word = words_[i_].text();
            if (word == "--" || word.size() < 2 || word[0] != '-') return;
            if (word[1] == '-') continue;
            for (size_t k = 1; k < word.size(); ++k) {
                size_t known = word[k] == ':' ? options_.npos : options_.find(word[k]);
                if (known == options_.npos) {
                    found("?", false, std::string_view());
                    continue;
                }
                std::string_view letter = word.substr(k, 1);
                bool takes_argument = known + 1 < options_.size() && options_[known + 1] == ':';
                if (!takes_argument) {
                    found(letter, false, std::string_view());
                    continue;
                }
                std::string_view argument = word.substr(k + 1);
                if (argument.empty() && i_ + 1 < words_.size()) argument = words_[++i_].text();
                found(letter, true, argument);
                break;
            }
        }
    }

private:
    std::span<const Value> words_;
    std::string_view options_;
    size_t i_ = 0;
};

std::span<const Value> split_words(std::string_view text, Arena& arena) {
    size_t count = static_cast<size_t>(std::count(text.begin(), text.end(), ' ')) + 1;
    auto words = arena.array<Value>(count);
    size_t used = 0;
    while (!text.empty()) {
        size_t end = std::min(text.find(' '), text.size());
        if (end > 0) words[used++] = Value::text(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return words.first(used);
}

Value getopt(const Value& words, std::string_view options, char option, Arena& arena) {
    auto list = words.kind() == Value::Kind::list ? words.list() : split_words(words.text(), arena);
    for (const Value& w : list)
        if (w.kind() != Value::Kind::text) return {};
    if (option != 0) {
        Value last;
        GetOpt(list, options).each([&](std::string_view letter, bool has_argument, std::string_view argument) {
            if (letter[0] == option) last = Value::text(has_argument ? argument : letter);
        });
        return last;
    }
    size_t count = 0;
    GetOpt(list, options).each([&](std::string_view, bool has_argument, std::string_view) {
        count += has_argument ? 2 : 1;
    });
    auto out = arena.array<Value>(count);
    size_t used = 0;
    GetOpt(list, options).each([&](std::string_view letter, bool has_argument, std::string_view argument) {
        out[used++] = Value::text(letter);
        if (has_argument) out[used++] = Value::text(argument);
    });
    return Value::list(out);
}

Value apply_unary(Transform transform, const Value& in, Arena& arena) {
    switch (transform) {
        case Transform::tolower: return map_bytes(in, arena, ascii_lower);
        case Transform::toupper: return map_bytes(in, arena, ascii_upper);
        case Transform::b64: return decode_base64(in, arena);
        default: return basename(in);
    }
}

template <class Number>
std::string_view number_text(Number number, Arena& arena) {
    auto out = arena.array<char>(32);
    auto end = std::to_chars(out.data(), out.data() + out.size(), number).ptr;
    return {out.data(), static_cast<size_t>(end - out.data())};
}

}  // namespace

std::string_view render_text(const Value& value, Arena& arena) {
    switch (value.kind()) {
        case Value::Kind::none: return "<NA>";
        case Value::Kind::boolean: return value.boolean() ? "true" : "false";
        case Value::Kind::i64: return number_text(value.i64(), arena);
        case Value::Kind::u64: return number_text(value.u64(), arena);
        case Value::Kind::real: return number_text(value.real(), arena);
        case Value::Kind::text:
        case Value::Kind::bytes: return value.text();
        case Value::Kind::ip: return arena.copy(value.ip().to_string());
        case Value::Kind::net: return arena.copy(value.net().to_string());
        case Value::Kind::list: break;
    }
    std::string_view inner = concatenate(value.list(), ",", arena).text();
    auto out = arena.array<char>(inner.size() + 2);
    std::copy(inner.begin(), inner.end(), out.begin() + 1);
    out.front() = '(';
    out.back() = ')';
    return {out.data(), out.size()};
}

Value apply_transform(Transform transform, std::span<const Value> arguments, char option, Arena& arena) {
    for (const Value& a : arguments)
        if (!a.exists()) return {};
    switch (transform) {
        case Transform::len: return length(arguments[0]);
        case Transform::join: return concatenate(arguments[1].list(), arguments[0].text(), arena);
        case Transform::concat: return concatenate(arguments, "", arena);
        case Transform::getopt: return getopt(arguments[0], arguments[1].text(), option, arena);
        default: break;
    }
    const Value& in = arguments[0];
    if (in.kind() != Value::Kind::list) return apply_unary(transform, in, arena);
    auto out = arena.array<Value>(in.list().size());
    for (size_t i = 0; i < out.size(); ++i) {
        out[i] = apply_unary(transform, in.list()[i], arena);
        if (!out[i].exists()) return {};
    }
    return Value::list(out);
}

}  // namespace undercoat::rules
