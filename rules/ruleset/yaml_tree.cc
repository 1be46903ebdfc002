// Builds the tree from yaml-cpp's events, see yaml_tree.h.
#include "rules/ruleset/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>

#include <unordered_map>

namespace undercoat::rules {

class YamlTreeBuilder : public YAML::EventHandler {
public:
    using Data = YamlNode::Data;
    using Kind = Data::Kind;

    YamlTree take() { return std::move(tree_); }
    void OnDocumentStart(const YAML::Mark&) override {
        anchors_.clear();
        tree_.documents_.emplace_back();
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add(mark, anchor, Kind::null); }
    void OnAlias(const YAML::Mark&, YAML::anchor_t anchor) override {
        if (const auto known = anchors_.find(anchor); known != anchors_.end()) put(known->second);
    }
    void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, const std::string& value) override {
        add(mark, anchor, Kind::scalar)->scalar = value;
    }
    void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
        open_.push_back(add(mark, anchor, Kind::sequence));
    }
    void OnSequenceEnd() override { open_.pop_back(); }
    void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor, YAML::EmitterStyle::value) override {
        open_.push_back(add(mark, anchor, Kind::map));
    }
    void OnMapEnd() override {
        if (open_.back()->children.size() % 2 != 0) open_.back()->children.pop_back();
        open_.pop_back();
    }

private:
    Data* add(const YAML::Mark& mark, YAML::anchor_t anchor, Kind kind) {
        Data& d = tree_.nodes_.emplace_back();
        d.kind = kind, d.mark = mark;
        if (anchor != 0) anchors_[anchor] = &d;
        put(&d);
        return &d;
    }
    void put(const Data* d) {
        if (!open_.empty()) open_.back()->children.push_back(d);
        else tree_.documents_.back() = YamlNode(d);
    }

    YamlTree tree_;
    std::vector<Data*> open_;
    std::unordered_map<YAML::anchor_t, const Data*> anchors_;
};

const std::string& YamlNode::Scalar() const {
    static const std::string none;
    return IsScalar() ? data_->scalar : none;
}

size_t YamlNode::size() const {
    return IsSequence() ? data_->children.size() : IsMap() ? data_->children.size() / 2 : 0;
}

YamlNode YamlNode::operator[](std::string_view key) const {
    if (!IsMap()) return {};
    for (size_t i = 0; i + 1 < data_->children.size(); i += 2)
        if (const Data& k = *data_->children[i]; k.kind == Data::Kind::scalar && k.scalar == key) return data_->children[i + 1];
    return {};
}

std::variant<YamlTree, YamlProblem> YamlTree::load(const std::string& content) {
    YamlTreeBuilder builder;
    if (auto problem = read_yaml(content, &builder)) return std::move(*problem);
    return builder.take();
}

}  // namespace undercoat::rules
