// Textual substitution of lists, see substitute.h.
#include "rules/ruleset/substitute.h"

#include "rules/lang/escape.h"

#include <algorithm>
#include <unordered_map>

namespace undercoat::rules {
namespace {

constexpr size_t max_condition_bytes = 4 * 1024 * 1024;

bool is_delimiter(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '(' || c == ')' || c == ',' || c == '=';
}

bool is_space(char c) {
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

}  // namespace

class Substitution {
public:
    Substitution(std::string_view in, const ListIndex& lists) : in_(in), lists_(lists) {}

    Result<Substituted> run() {
        while (at_ < in_.size()) {
            if (is_delimiter(in_[at_])) {
                copy(1);
                continue;
            }
            size_t length = 0;
            const ListDefinition* list = match(length);
            if (!list) {
                copy(length);
            } else if (!replace(*list, length)) {
                return Error{"the condition is longer than " + std::to_string(max_condition_bytes) +
                             " bytes after its lists were put in"};
            }
        }
        return std::move(out_);
    }

private:
    // The list whose name stands at at_, and its length; or null, and the length of the word there.
    const ListDefinition* match(size_t& length) {
        for (const ListDefinition* l : lists_.odd_) {
            std::string_view rest = in_.substr(at_);
            length = l->name.size();
            if (rest.starts_with(l->name) && (rest.size() == length || is_delimiter(rest[length]))) return l;
        }
        size_t end = at_;
        while (end < in_.size() && !is_delimiter(in_[end])) ++end;
        length = end - at_;
        auto it = lists_.by_name_.find(in_.substr(at_, length));
        return it == lists_.by_name_.end() ? nullptr : it->second;
    }

    void copy(size_t length) {
        if (out_.segments.empty() || !out_.segments.back().literal)
            out_.segments.push_back({out_.text.size(), at_, true});
        out_.text += in_.substr(at_, length);
        at_ += length;
    }

    bool replace(const ListDefinition& list, size_t length) {
        out_.lists.insert(list.name);
        if (list.items.empty()) return drop(length);
        out_.segments.push_back({out_.text.size(), at_, false});
        for (size_t i = 0; i < list.items.size(); ++i) {
            if (i > 0) out_.text += ", ";
            out_.text += quote_item(list.items[i]);
            if (out_.text.size() > max_condition_bytes) return false;
        }
        at_ += length;
        return true;
    }

    // An empty list takes one neighbouring comma with it, the one before if there is one.
    bool drop(size_t length) {
        at_ += length;
        std::string& text = out_.text;
        size_t before = text.size();
        while (before > 0 && is_space(text[before - 1])) --before;
        if (before > 0 && text[before - 1] == ',') {
            text[before - 1] = ' ';
            return true;
        }
        size_t after = at_;
        while (after < in_.size() && is_space(in_[after])) ++after;
        if (after < in_.size() && in_[after] == ',') {
            copy(after - at_);
            ++at_;
            out_.segments.push_back({out_.text.size(), at_, true});
        }
        return true;
    }

    std::string_view in_;
    const ListIndex& lists_;
    size_t at_ = 0;
    Substituted out_;
};

ListIndex::ListIndex(const std::vector<ListDefinition>& lists) {
    for (const ListDefinition& l : lists) {
        by_name_.emplace(l.name, &l);
        if (std::any_of(l.name.begin(), l.name.end(), is_delimiter)) odd_.push_back(&l);
    }
}

size_t Substituted::original(size_t offset) const {
    auto after = std::upper_bound(segments.begin(), segments.end(), offset,
                                  [](size_t o, const Segment& s) { return o < s.start; });
    if (after == segments.begin()) return 0;
    const Segment& s = *(after - 1);
    return s.literal ? s.original + (offset - s.start) : s.original;
}

Result<Substituted> substitute_lists(std::string_view condition, const ListIndex& lists) {
    return Substitution(condition, lists).run();
}

std::string quote_item(std::string_view item) {
    bool quoted = item.size() >= 2 && (item.front() == '"' || item.front() == '\'') && item.back() == item.front();
    if (quoted) return std::string(item);
    if (!item.empty() && std::all_of(item.begin(), item.end(), is_bare)) return std::string(item);
    return quote(item);
}

}  // namespace undercoat::rules
