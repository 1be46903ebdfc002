// An event of which only the values of fields are given, for tests of rules.
//
// Must stay true: a field that was not given has no value, as if it could not be known.
#pragma once

#include "base/result.h"
#include "rules/catalogue.h"

#include <deque>
#include <map>
#include <string>
#include <vector>

namespace undercoat::cli {

class FieldEvent : public rules::EventView {
public:
    // type: the name of an event type; evt.type has this value without being given. Error: there is no such type.
    static Result<FieldEvent> make(const rules::Catalogue& catalogue, const std::string& type);

    // `field` as in a condition ("proc.aname[2]"); the texts are read as its literals are; several for fields that are lists.
    // Error: the field is unknown, or a text is no value of its type.
    Status set(const std::string& field, const std::vector<std::string>& values);

    rules::EventTypeId type() const override { return type_; }
    rules::Value extract(const rules::FieldRef& field, rules::Arena& arena) override;
    rules::Value output_value(const rules::FieldRef& field, rules::Arena& arena) override;

private:
    FieldEvent(const rules::Catalogue& catalogue, rules::EventTypeId type) : catalogue_(&catalogue), type_(type) {}

    const rules::Catalogue* catalogue_;
    rules::EventTypeId type_;
    std::deque<std::string> texts_;
    std::deque<std::vector<rules::Value>> lists_;
    std::map<std::string, rules::Value> values_;
};

}  // namespace undercoat::cli
