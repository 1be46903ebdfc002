// The subcommands of `undercoat`. Each returns the exit status.
//
// Must stay true: what a person asked for goes to stdout, everything else to stderr; --json prints one JSON value.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace undercoat::cli {

// Becomes that program, which lies beside this one, with these arguments. Returns only on failure.
int run_program(const char* program, char** arguments);

int check_rules(const std::vector<std::string>& files, bool json, bool verbose);
// what: "rules", "macros" or "lists".
int list_rules(const std::vector<std::string>& files, const std::string& what, bool json);
// All rules if the name is empty.
int describe_rules(const std::string& name, const std::vector<std::string>& files, bool json);
int list_fields(bool json);
int list_events(bool json);
// Unit tests of rules; `rules`: files loaded before those that a test file names.
int test_rules(const std::vector<std::string>& test_files, const std::vector<std::string>& rules, bool json);

struct PushRequest {
    std::string name;   // of the ruleset; letters, digits and . _ -
    std::string scope;  // which agents get it; empty: all
    int64_t position = 100;
    std::vector<std::string> files;
    bool check = false;  // only ask whether it would be taken
    bool json = false;
};
// Uploads a ruleset to the collector that the variables of an agent name.
int push_rules(const PushRequest& request);

// Makes feeds of indicators ("-": standard input) into lists, on stdout. `append`: lists that add to those loaded before.
int build_intel(const std::vector<std::string>& feeds, bool append);

struct ExplainRequest {
    std::string rule;
    std::string source;  // a file of recorded events, "-" for stdin, or one event as JSON
    std::vector<std::string> files;
    uint64_t number = 0;  // of the event, as the log counts; 0: the first that matches, else the last that the rule looks at
    bool json = false;
    bool all = false;     // also what the engine would not look at
};
int explain(const ExplainRequest& request);
int doctor(bool json);
// How a live process is seen, and why not better.
int doctor_of_process(int64_t pid, bool json);
int show_config(bool json, const std::string& file);
// Feeds a recorded event log or a capture to the rules: becomes `supervisor --replay FILE …`. Returns only on failure.
int replay(const std::string& file, const std::vector<std::string>& rules, const std::string& events, bool json);

// The directory of this program, with a final slash; "" if unknown.
std::string own_directory();

}  // namespace undercoat::cli
