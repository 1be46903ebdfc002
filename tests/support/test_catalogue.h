// A Catalogue for tests, read from the specification's field and event tables at run time.
//
// Must stay true: what is compiled against it behaves as with the product's catalogue; values come from an EventView
// that the test fills by hand.
#pragma once

#include "rules/catalogue.h"

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace undercoat::test {

// Where the specification lies; empty if it is absent (then tests that need it are skipped, loudly).
std::string shared_directory();

class TestCatalogue : public rules::Catalogue {
public:
    // Throws std::runtime_error if the tables cannot be read.
    static std::unique_ptr<TestCatalogue> from_specification(const std::string& shared);
    // Only the fields given; every event type named.
    TestCatalogue(std::vector<rules::FieldInfo> fields, std::vector<std::string> event_types,
                  std::map<std::string, rules::FieldType> arguments = {});

    std::span<const rules::FieldInfo> fields() const override { return fields_; }
    std::span<const std::string_view> event_arguments() const override { return arguments_; }
    std::span<const std::string_view> event_types() const override { return event_types_; }
    Result<rules::FieldRef> resolve(const rules::FieldInfo& info,
                                    std::optional<std::string_view> argument) const override;

    // For compact definitions in tests; the name must outlive the catalogue.
    static rules::FieldInfo field(std::string_view name, rules::FieldType type = rules::FieldType::text);

private:
    std::deque<std::string> strings_;
    std::vector<rules::FieldInfo> fields_;
    std::vector<std::string_view> arguments_;
    std::map<std::string, rules::FieldType, std::less<>> argument_types_;
    std::vector<std::string_view> event_types_;
};

// An event whose values are put in by the text of the field; all others are missing.
class TestEvent : public rules::EventView {
public:
    explicit TestEvent(rules::EventTypeId type) : type_(type) {}
    rules::EventTypeId type() const override { return type_; }
    rules::Value extract(const rules::FieldRef& field, rules::Arena&) override {
        ++extractions;
        auto it = values.find(field.text);
        return it == values.end() ? rules::Value() : it->second;
    }
    bool name_has_address(std::string_view name, const rules::IpAddress& address) override {
        return names.contains({std::string(name), address.to_string()});
    }
    // The text is kept by the event.
    void set_text(const std::string& field, std::string text) {
        strings_.push_back(std::move(text));
        values[field] = rules::Value::text(strings_.back());
    }
    void set_list(const std::string& field, std::vector<rules::Value> list) {
        lists_.push_back(std::move(list));
        values[field] = rules::Value::list(lists_.back());
    }

    std::map<std::string, rules::Value> values;
    std::set<std::pair<std::string, std::string>> names;
    int extractions = 0;

private:
    rules::EventTypeId type_;
    std::deque<std::string> strings_;
    std::deque<std::vector<rules::Value>> lists_;
};

}  // namespace undercoat::test
