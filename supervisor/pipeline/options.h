// The supervisor's command line.
//
// Must stay true: a bad option never stops the draining: it is said on stderr and left out, and the rest holds.
#pragma once

#include <string>
#include <vector>

namespace undercoat::pipeline {

struct SupervisorOptions {
    int agent_fd = -1;
    std::vector<std::string> rules;
    std::string config;          // a configuration file; empty: none
    std::string alerts;          // empty: as the configuration says, else stderr
    std::string events;          // empty: none
    bool json = false;
    std::string format;          // text or json; empty: text on streams, JSON in files
    std::string rule_matching;   // all or first; empty: as the configuration says, else all
    std::string priority_min;    // empty: as the configuration says, else debug
    bool host = false;
    std::string replay;          // file of JSON events; then no agent
    std::string log = "warning";
    std::vector<std::string> problems;
    bool help = false;
};

SupervisorOptions parse_options(int argc, const char* const* argv);
std::string help_text();

}  // namespace undercoat::pipeline
