// The counters of a running supervisor at one moment, and their two forms: Prometheus text and fields of an alert.
//
// The names are Falco's where the meaning is the same; ours begin with undercoat_. Must stay true: counters never go back;
// every counter of something lost has a name of its own.
#pragma once

#include "supervisor/fields/file_hashes.h"
#include "supervisor/outputs/alert.h"
#include "supervisor/outputs/fanout.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace undercoat::outputs {

struct RuleMatches {
    std::string rule, priority, source;
    std::vector<std::string> tags;
    uint64_t matches = 0;
};

// How many processes were said not to be wholly seen.
struct CoverageCount {
    std::string reason, level;
    uint64_t processes = 0;
};

struct Metrics {
    std::string version, hostname;
    uint64_t start_ts = 0, now_ts = 0;  // ns since the epoch
    uint64_t events = 0, alerts = 0, duplicates = 0;
    uint64_t rules = 0;                 // enabled
    std::vector<RuleMatches> matches;
    std::vector<std::pair<std::string, uint64_t>> drops;  // of events, by reason; a reason is made of letters and _
    fields::FileHashes::Counters hashes;
    std::vector<CoverageCount> coverage;
    uint64_t stack_failures = 0;        // call stacks that could not be put into words in time
    uint64_t alert_lines_dropped = 0, event_lines_dropped = 0, write_errors = 0;
    std::vector<Fanout::State> channels;
    std::vector<std::pair<std::string, uint64_t>> forward;  // what forwarding to a collector did, by name

    uint64_t dropped_events() const;
    uint64_t dropped_alerts() const;    // of all outputs
};

std::string prometheus_text(const Metrics& m);
// Sorted fields falco.*, scap.* and undercoat.*. Texts point into m.
std::vector<AlertField> metrics_fields(const Metrics& m);

}  // namespace undercoat::outputs
