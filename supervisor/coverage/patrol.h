// Looks through /proc, about once a second, for processes of the container that nobody has told us of.
//
// Must stay true: a process is judged only when it has been there for two looks, so that one between its execution and our
// library's first word is left alone; the next look waits a hundred times as long as the last one took. Not thread-safe.
#pragma once

#include "supervisor/event/coverage.h"

#include <string>
#include <unordered_map>
#include <vector>

namespace undercoat::coverage {

struct Finding {
    int64_t pid = 0;
    event::CoverageReason reason = event::CoverageReason::none;
    event::CoverageLevel level = event::CoverageLevel::nothing;
};

class Patrol {
public:
    struct Place {
        std::string proc = "/proc";
        bool preload = false;  // mode
        bool traced = false;   // the trap is a tracer
        int64_t instrument = 0, supervisor = 0;
        int64_t workload = 0;  // its first process
    };
    // What is not seen among the processes that are there. `now`: CLOCK_MONOTONIC, ns; a call that comes too early finds nothing.
    std::vector<Finding> look(const Place& place, uint64_t now);

private:
    struct Known {
        uint64_t start_time, start_stack;
        bool judged;
        uint64_t seen;  // the look in which it was last there
    };
    std::unordered_map<int64_t, Known> known_;
    uint64_t looks_ = 0, next_ = 0;
};

// Empty: it is seen as this mode promises, or it cannot be told, or it is none of the container's.
std::vector<Finding> judge(const Patrol::Place& place, int64_t pid);

// What has been told of each process: once for each reason.
class Book {
public:
    // False: it has been told.
    bool note(int64_t pid, event::CoverageReason reason);
    void forget(int64_t pid) { told_.erase(pid); }

private:
    std::unordered_map<int64_t, uint32_t> told_;
};

}  // namespace undercoat::coverage
