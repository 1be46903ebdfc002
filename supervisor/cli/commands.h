// The subcommands of `undercoat`. Each returns the exit status.
//
// Must stay true: what a person asked for goes to stdout, everything else to stderr; --json prints one JSON value.
#pragma once

#include <string>
#include <vector>

namespace undercoat::cli {

// Becomes the program `instrument` that lies beside this one, with these arguments. Returns only on failure.
int run_workload(char** arguments);

int check_rules(const std::vector<std::string>& files, bool json, bool verbose);
int list_rules(const std::vector<std::string>& files, bool json);
int list_fields(bool json);
int doctor(bool json);
int show_config(bool json);
// Feeds a recorded event log to the rules: becomes `supervisor --replay FILE …`. Returns only on failure.
int replay(const std::string& file, const std::vector<std::string>& rules, bool json);

// The directory of this program, with a final slash; "" if unknown.
std::string own_directory();

}  // namespace undercoat::cli
