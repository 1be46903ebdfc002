// The fields of the plugin that Falco's own tests load beside the system calls: sample.*.
//
// Of a plugin only its fields matter to the language: they have types, exist or not, and stand in conditions and outputs as any
// other. What they mean is known from the cases: is_open (1 for calls of the open family), proc_name (the thread's name), tick
// ("false" where no clock runs), and, where the plugin parses too, open_count. Must stay true: open_by_handle_at is not among the
// events that the plugin asked for, so nothing has a value there.
#pragma once

#include "rules/catalogue.h"

#include <yaml-cpp/yaml.h>

#include <memory>
#include <string>
#include <vector>

namespace undercoat::conformance {

class SampleCatalogue : public rules::Catalogue {
public:
    explicit SampleCatalogue(const rules::Catalogue& base);
    std::span<const rules::FieldInfo> fields() const override { return infos_; }
    std::span<const std::string_view> event_arguments() const override { return base_.event_arguments(); }
    std::span<const std::string_view> event_types() const override { return base_.event_types(); }
    Result<rules::FieldRef> resolve(const rules::FieldInfo& info, std::optional<std::string_view> argument) const override;

    // The event's own fields, and the plugin's over them. `parses`: the plugin that counts is loaded as well.
    std::unique_ptr<rules::EventView> view(std::unique_ptr<rules::EventView> base, const YAML::Node& events, size_t on,
                                           bool parses) const;

private:
    const rules::Catalogue& base_;
    std::vector<rules::FieldInfo> infos_;
};

}  // namespace undercoat::conformance
