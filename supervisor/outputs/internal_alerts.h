// Alerts about ourselves: events that were lost, processes that are not seen, and snapshots of the counters.
//
// Must stay true: a flood of losses gives few alerts (a token bucket), but every loss is in the numbers of the next one.
#pragma once

#include "supervisor/event/event.h"
#include "supervisor/outputs/metrics.h"

#include <optional>
#include <string>
#include <vector>

namespace undercoat::outputs {

class DropMonitor {
public:
    explicit DropMonitor(const DropSettings& settings) : settings_(settings), tokens_(settings.max_burst) {}

    struct Finding {
        uint64_t events = 0, dropped = 0;  // since the last look
        bool alert = false;                // the bucket had a token; false: log only
        std::vector<std::pair<std::string, uint64_t>> by_reason;  // since the last finding that was told
    };
    // Looks once a second; in between, and where less than the threshold was lost, there is nothing.
    std::optional<Finding> look(const Metrics& m, uint64_t now_ns);

private:
    const DropSettings settings_;
    double tokens_;
    uint64_t last_look_ = 0;
    uint64_t events_ = 0, dropped_ = 0;
    uint64_t told_events_ = 0, told_dropped_ = 0;
    std::vector<std::pair<std::string, uint64_t>> told_;
};

InternalAlert drop_alert(const DropMonitor::Finding& finding, uint64_t ts);
InternalAlert metrics_alert(const Metrics& m);

// A coverage event of a process whose name is `proc`, "" where it is not known.
InternalAlert coverage_alert(const event::Event& e, std::string_view proc);
// Whether such an alert is wanted.
bool alerts_of(CoverageAlerts wanted, const event::Event& e);

}  // namespace undercoat::outputs
