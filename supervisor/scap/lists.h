// The lists before the events of a capture: processes, descriptors, interfaces, users.
//
// Must stay true: a list that is damaged gives the entries before the damage, and counts it; nothing is taken for true that the
// capture does not say.
#pragma once

#include "supervisor/scap/blocks.h"
#include "supervisor/state/state.h"

namespace undercoat::scap {

struct ListCounters {
    uint64_t processes = 0, fds = 0, interfaces = 0, users = 0;
    uint64_t bad_lists = 0;      // that end within an entry
    uint64_t unknown_fds = 0;    // descriptors of a type that is not known; with their place in the list if that can be left
};

// Threads as the list has them: main threads have tid == pid. Versions 1 to 9.
std::vector<state::Thread> read_processes(const Block& block, ListCounters& counters);

struct FdList {
    int64_t tid = -1;
    std::vector<std::pair<int64_t, state::FdInfo>> fds;
};
FdList read_fds(const Block& block, ListCounters& counters);

std::vector<state::Interfaces::Interface> read_interfaces(const Block& block, ListCounters& counters);
void read_users(const Block& block, state::Users& users, ListCounters& counters);

// Threads of a process, arguments and the like are NUL-separated texts.
std::vector<std::string> split_texts(std::string_view text);

}  // namespace undercoat::scap
