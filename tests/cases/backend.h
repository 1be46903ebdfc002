// What the conformance runner needs from outside: fields, and events made of a case's description.
//
// One program is built per backend: each links the runner with its own make_backend().
#pragma once

#include "rules/catalogue.h"
#include "rules/ruleset/ruleset.h"

#include <yaml-cpp/yaml.h>

#include <memory>
#include <span>
#include <string>
#include <variant>

namespace undercoat::conformance {

struct Alert {
    std::string rule;
    rules::Priority priority;
    bool had_enter;  // the capture holds the enter of the event's call as an event of its own
};

class Backend {
public:
    virtual ~Backend() = default;
    virtual const rules::Catalogue& catalogue() const = 0;
    // Whether fields can be rendered as the product does; cases of the kind "field" are skipped otherwise.
    virtual bool renders_fields() const = 0;
    // Why this case of the kind eval, field or format cannot hold with this backend, or "".
    virtual std::string refusal(const YAML::Node& c) const {
        (void)c;
        return "";
    }
    // The view of events[on], after the events before it have been applied, with values at least for these fields; or
    // why this backend cannot give it. events is a sequence as in the case files; see their first comment.
    virtual std::variant<std::unique_ptr<rules::EventView>, std::string> view(
        const YAML::Node& events, size_t on, bool init_thread, std::span<const rules::FieldRef> fields) = 0;
    virtual bool reads_captures() const { return false; }
    // The alerts for a capture, or why there are none to be had.
    virtual std::variant<std::vector<Alert>, std::string> replay(std::shared_ptr<const rules::Ruleset> rules,
                                                                 rules::Matching matching, const std::string& capture) {
        (void)rules, (void)matching, (void)capture;
        return "this backend reads no captures";
    }
};

// Null, with the reason printed, if the backend cannot work here (then the runner exits with 77, "skipped").
std::unique_ptr<Backend> make_backend();

}  // namespace undercoat::conformance
