// The catalogue of all fields and event types, over events and state: what the rules know of the world.
//
// Must stay true: every field that Falco lists is known by name, so that its rules load; a field whose value cannot be
// known here says so in its description and never has one.
#pragma once

#include "rules/catalogue.h"
#include "supervisor/fields/field.h"

#include <vector>

namespace undercoat::fields {

class FieldCatalogue : public rules::Catalogue {
public:
    // static_fields: names of fields "static.NAME", whose values are Surroundings::static_fields.
    explicit FieldCatalogue(std::span<const std::string> static_fields = {});
    std::span<const FieldInfo> fields() const override { return infos_; }
    std::span<const std::string_view> event_arguments() const override;
    std::span<const std::string_view> event_types() const override { return types_; }
    Result<FieldRef> resolve(const FieldInfo& info, std::optional<std::string_view> argument) const override;

    Extractor extractor(uint32_t field) const { return extractors_[field]; }
    // False for a field that is only known so that rules load, and never has a value. info is one of fields().
    bool available(const FieldInfo& info) const {
        return extractors_[static_cast<size_t>(&info - infos_.data())] != unavailable;
    }

private:
    std::vector<std::string> static_names_;
    std::vector<FieldInfo> infos_;
    std::vector<Extractor> extractors_;
    std::vector<std::string_view> types_;
};

}  // namespace undercoat::fields
