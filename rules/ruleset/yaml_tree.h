// A rules file as a tree of values with their places, made in one pass over the file.
//
// It reads as YAML::Node does, which cannot be built from events by others. Must stay true: nodes are handles into their YamlTree
// and live no longer; a node may contain itself (an alias inside its anchor), so who descends counts levels; nothing throws.
#pragma once

#include "rules/ruleset/yaml_input.h"

#include <deque>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace undercoat::rules {

struct YamlEntry;

class YamlNode {
public:
    struct Data {
        enum class Kind : uint8_t { null, scalar, sequence, map } kind = Kind::null;
        YAML::Mark mark;
        std::string scalar;
        std::vector<const Data*> children;  // of a map: key, value, key, value
    };

    YamlNode(const Data* data = nullptr) : data_(data) {}
    bool IsDefined() const { return data_ != nullptr; }
    bool IsNull() const { return is(Data::Kind::null); }
    bool IsScalar() const { return is(Data::Kind::scalar); }
    bool IsSequence() const { return is(Data::Kind::sequence); }
    bool IsMap() const { return is(Data::Kind::map); }
    // Empty unless it is a scalar.
    const std::string& Scalar() const;
    YAML::Mark Mark() const { return data_ ? data_->mark : YAML::Mark::null_mark(); }
    // Elements of a sequence, pairs of a map; else 0.
    size_t size() const;
    // The value of the first such key of a map, else an undefined node.
    YamlNode operator[](std::string_view key) const;

    class Iterator {
    public:
        Iterator(const Data* of, size_t at) : of_(of), at_(at) {}
        YamlEntry operator*() const;
        Iterator& operator++() { return ++at_, *this; }
        bool operator!=(const Iterator& o) const { return at_ != o.at_; }

    private:
        const Data* of_;
        size_t at_;
    };
    Iterator begin() const { return {data_, 0}; }
    Iterator end() const { return {data_, size()}; }

private:
    bool is(Data::Kind k) const { return data_ != nullptr && data_->kind == k; }
    const Data* data_;
};

// What iteration gives: an element of a sequence; of a map nothing but the pair.
struct YamlEntry : YamlNode {
    YamlEntry(YamlNode element, YamlNode key, YamlNode value) : YamlNode(element), first(key), second(value) {}
    YamlNode first, second;
};

inline YamlEntry YamlNode::Iterator::operator*() const {
    if (of_->kind == Data::Kind::map) return {YamlNode(), of_->children[2 * at_], of_->children[2 * at_ + 1]};
    return {of_->children[at_], YamlNode(), YamlNode()};
}

class YamlTree {
public:
    // content: as to_utf8 returns it.
    static std::variant<YamlTree, YamlProblem> load(const std::string& content);
    // The root of each document; undefined for an empty one.
    const std::vector<YamlNode>& documents() const { return documents_; }

private:
    friend class YamlTreeBuilder;
    std::deque<YamlNode::Data> nodes_;
    std::vector<YamlNode> documents_;
};

}  // namespace undercoat::rules
