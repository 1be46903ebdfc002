// Numbers that a server tells of itself, and /metrics, which is the same for the collector and the orchestrator.
//
// Must stay true: names are part of the interface.
#pragma once

#include "net/server.h"

#include <string>
#include <string_view>
#include <vector>

namespace undercoat::collector {

struct Number {
    const char *name, *type, *help;  // type: "counter" or "gauge"
    uint64_t value;
};
using Numbers = std::vector<Number>;

// Appends what every server counts.
void add_server_numbers(const net::ServerCounters& counters, Numbers& numbers);
// In the text format of Prometheus; names get `prefix`.
// https://prometheus.io/docs/instrumenting/exposition_formats/
net::Response metrics_answer(std::string_view prefix, const Numbers& numbers);

}  // namespace undercoat::collector
