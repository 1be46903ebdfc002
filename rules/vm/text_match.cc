// Matching of texts, see text_match.h. fnmatch(3) itself is not used because its time grows exponentially with the
// stars.
#include "rules/vm/text_match.h"

#include <array>
#include <optional>

namespace undercoat::rules {
namespace {

bool in_class(std::string_view name, unsigned char c) {
    auto between = [c](char a, char b) {
        return c >= static_cast<unsigned char>(a) && c <= static_cast<unsigned char>(b);
    };
    bool upper = between('A', 'Z'), lower = between('a', 'z'), digit = between('0', '9');
    bool graph = between('!', '~');
    if (name == "alpha") return upper || lower;
    if (name == "digit") return digit;
    if (name == "alnum") return upper || lower || digit;
    if (name == "upper") return upper;
    if (name == "lower") return lower;
    if (name == "space") return c == ' ' || between('\t', '\r');
    if (name == "blank") return c == ' ' || c == '\t';
    if (name == "punct") return graph && !(upper || lower || digit);
    if (name == "print") return graph || c == ' ';
    if (name == "graph") return graph;
    if (name == "cntrl") return c < 32 || c == 127;
    if (name == "xdigit") return digit || between('a', 'f') || between('A', 'F');
    return false;
}

// One bracket expression. at points behind the '['; a match or miss moves it behind the ']'. Nothing: not terminated,
// so that the '[' is a plain byte.
class Bracket {
public:
    Bracket(std::string_view pattern, size_t at, unsigned char c, bool ignore_case)
        : p_(pattern), at_(at), c_(c), fold_(ignore_case) {}

    std::optional<bool> match(size_t& end) {
        bool negated = at_ < p_.size() && (p_[at_] == '!' || p_[at_] == '^');
        if (negated) ++at_;
        bool found = false;
        for (bool first = true;; first = false) {
            if (at_ >= p_.size()) return std::nullopt;
            if (p_[at_] == ']' && !first) break;
            if (!item(found)) return std::nullopt;
        }
        end = at_ + 1;
        return found != negated;
    }

private:
    bool item(bool& found) {
        if (p_.substr(at_).starts_with("[:")) {
            size_t close = p_.find(":]", at_ + 2);
            if (close != p_.npos) {
                std::string_view name = p_.substr(at_ + 2, close - at_ - 2);
                found = found || in_class(name, c_) ||
                        (fold_ && (name == "upper" || name == "lower") && in_class("alpha", c_));
                at_ = close + 2;
                return true;
            }
        }
        unsigned char low = 0, high = 0;
        if (!byte(low)) return false;
        high = low;
        if (at_ + 1 < p_.size() && p_[at_] == '-' && p_[at_ + 1] != ']') {
            ++at_;
            if (!byte(high)) return false;
        }
        found = found || in_range(low, high);
        return true;
    }

    bool in_range(unsigned char low, unsigned char high) const {
        if (!fold_) return c_ >= low && c_ <= high;
        auto f = [](unsigned char c) { return static_cast<unsigned char>(ascii_lower(static_cast<char>(c))); };
        return f(c_) >= f(low) && f(c_) <= f(high);
    }

    bool byte(unsigned char& out) {
        for (std::string_view open : {"[.", "[="}) {
            if (!p_.substr(at_).starts_with(open) || at_ + 4 >= p_.size()) continue;
            if (p_[at_ + 3] != open[1] || p_[at_ + 4] != ']') continue;
            out = static_cast<unsigned char>(p_[at_ + 2]);
            at_ += 5;
            return true;
        }
        if (p_[at_] == '\\' && ++at_ >= p_.size()) return false;
        out = static_cast<unsigned char>(p_[at_++]);
        return true;
    }

    std::string_view p_;
    size_t at_;
    unsigned char c_;
    bool fold_;
};

// Matches the one pattern item at p against c; next is behind the item. The item is not a star.
bool match_item(std::string_view pattern, size_t p, char c, bool ignore_case, size_t& next) {
    auto same = [ignore_case](char a, char b) { return ignore_case ? ascii_lower(a) == ascii_lower(b) : a == b; };
    next = p + 1;
    if (pattern[p] == '?') return true;
    if (pattern[p] == '[') {
        Bracket bracket(pattern, p + 1, static_cast<unsigned char>(c), ignore_case);
        if (auto matched = bracket.match(next)) return *matched;
        next = p + 1;
        return c == '[';
    }
    if (pattern[p] == '\\') {
        if (p + 1 == pattern.size()) return false;
        next = p + 2;
        return same(pattern[p + 1], c);
    }
    return same(pattern[p], c);
}

bool is_glob(std::string_view component) {
    return component.find_first_of("?*[") != component.npos;
}

// Takes the first component off path; empty when there is none left.
std::string_view next_component(std::string_view& path) {
    size_t start = path.find_first_not_of('/');
    if (start == path.npos) {
        path = {};
        return {};
    }
    size_t end = std::min(path.find('/', start), path.size());
    std::string_view component = path.substr(start, end - start);
    path.remove_prefix(end);
    return component;
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view text, bool ignore_case) {
    size_t p = 0, t = 0;
    size_t star = pattern.npos, star_text = 0;  // where to go on if what follows the last star does not match
    while (t < text.size()) {
        size_t next = 0;
        if (p < pattern.size() && pattern[p] == '*') {
            star = ++p;
            star_text = t;
        } else if (p < pattern.size() && match_item(pattern, p, text[t], ignore_case, next)) {
            p = next;
            ++t;
        } else if (star != pattern.npos) {
            p = star;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

bool contains_ignoring_case(std::string_view text, std::string_view needle) {
    if (needle.empty()) return true;
    if (text.size() < needle.size()) return false;
    const auto matches_at = [&](size_t i) {
        size_t j = 1;
        while (j < needle.size() && ascii_lower(text[i + j]) == ascii_lower(needle[j])) ++j;
        return j == needle.size();
    };
    // Two searches of the C library, for either case of the first byte, are faster than one look at each byte.
    const char lower = ascii_lower(needle[0]);
    const char upper = lower >= 'a' && lower <= 'z' ? static_cast<char>(lower - 'a' + 'A') : lower;
    const std::string_view starts = text.substr(0, text.size() - needle.size() + 1);
    for (const char first : {lower, upper}) {
        for (size_t i = starts.find(first); i != starts.npos; i = starts.find(first, i + 1))
            if (matches_at(i)) return true;
        if (lower == upper) break;
    }
    return false;
}

void PathPrefixes::add(std::string_view path) {
    size_t node = 0;
    for (auto component = next_component(path); !component.empty(); component = next_component(path)) {
        size_t next = nodes_.size();
        if (is_glob(component)) {
            for (const auto& [glob, index] : nodes_[node].globs)
                if (glob == component) next = index;
            if (next == nodes_.size()) nodes_[node].globs.emplace_back(component, next);
        } else {
            next = nodes_[node].literal.emplace(component, next).first->second;
        }
        if (next == nodes_.size()) nodes_.emplace_back();
        node = next;
    }
    nodes_[node].end = true;
}

bool PathPrefixes::match(std::string_view path) const {
    return match_from(0, path);
}

// Recurses only into globs, so at most as deep as the longest path of the set has components.
bool PathPrefixes::match_from(size_t node, std::string_view path) const {
    for (;;) {
        const Tree& tree = nodes_[node];
        if (tree.end) return true;
        std::string_view component = next_component(path);
        if (component.empty()) return false;
        for (const auto& [glob, index] : tree.globs)
            if (glob_match(glob, component, false) && match_from(index, path)) return true;
        auto it = tree.literal.find(component);
        if (it == tree.literal.end()) return false;
        node = it->second;
    }
}

}  // namespace undercoat::rules
