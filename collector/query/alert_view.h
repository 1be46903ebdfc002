// An alert as the rule language sees it: which fields it has, and their values.
//
// The alert's own fields are alert.rule, .priority, .severity, .source, .hostname, .agent, .output and .tags; every other name
// is looked for in the fields of its output, then in its context. Must stay true: any text is a possible field name; a field that an
// alert does not have is missing there and no error; numbers compare as their decimal text unless the condition orders them.
#pragma once

#include "collector/record.h"
#include "rules/catalogue.h"
#include "rules/lang/ast.h"

#include <boost/json.hpp>

#include <deque>
#include <functional>
#include <optional>

namespace undercoat::collector {

// The fields that one condition names.
class AlertCatalogue : public rules::Catalogue {
public:
    explicit AlertCatalogue(const rules::Node& condition);

    std::span<const rules::FieldInfo> fields() const override { return fields_; }
    std::span<const std::string_view> event_arguments() const override { return arguments_; }
    std::span<const std::string_view> event_types() const override { return types_; }
    Result<rules::FieldRef> resolve(const rules::FieldInfo& info, std::optional<std::string_view> argument) const override;

    bool is_plain_text(std::string_view field) const;  // compared as text, value by value

private:
    void look_at(const rules::Node& node);
    void look_at(const rules::Operand& operand, bool ordered);

    std::deque<std::string> names_;
    std::vector<rules::FieldInfo> fields_;
    std::vector<std::string_view> arguments_, types_;
};

class AlertView : public rules::EventView {
public:
    // The record must live as long as values of it are used.
    void set(const AlertRecord& record);

    rules::EventTypeId type() const override { return 0; }
    rules::Value extract(const rules::FieldRef& field, rules::Arena& arena) override;

private:
    rules::Value own(std::string_view name, rules::Arena& arena, bool& found);
    rules::Value list_below(std::string_view name, rules::Arena& arena);
    const boost::json::value* find(std::string_view name);
    void parse();

    const AlertRecord* record_ = nullptr;
    bool parsed_ = false;
    boost::json::value fields_, context_, tags_;
};

// A JSON scalar as text, as terms and comparisons use it; false for null, lists and objects.
bool scalar_text(const boost::json::value& value, std::string& out);
// The JSON value of a stored text; null where it is none.
boost::json::value parse_bounded(std::string_view text, boost::json::storage_ptr storage = {});

// Memory for values that are looked at and forgotten: it is taken off the stack, and only grows. It must outlive them.
class ShortLived {
public:
    boost::json::storage_ptr storage() { return &resource_; }

private:
    unsigned char first_[16 * 1024];
    boost::json::monotonic_resource resource_{first_, sizeof first_};
};

}  // namespace undercoat::collector
