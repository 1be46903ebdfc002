// Where our own files are, and which file a command names.
#pragma once

#include <string>

#include "base/result.h"

namespace undercoat::instrument {

struct Bundle {
    std::string self;        // this program
    std::string supervisor;  // …/bin/supervisor; empty when it is not there
    std::string shim;        // …/lib/libshim.so; empty when it is not there
};

// By /proc/self/exe, or without /proc by the absolute path of our own execution. UNDERCOAT_SUPERVISOR names another supervisor (a debugging aid).
Bundle find_bundle();

struct FoundCommand {
    std::string path;  // what to give to execve
    int status = 0;    // 0; else the exit status of env(1): 127 not found, 126 not executable
    std::string why;
};

// Looks `name` up as execvp would.
FoundCommand find_command(const std::string& name, const char* path_variable);

}  // namespace undercoat::instrument
