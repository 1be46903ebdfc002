// When each overlay began: what changed in it since then lies in its upper layer (fileinfo.h).
//
// An overlay that was there when the container began is as old as the container's first process. One that the workload mounts is as old
// as its call: files that it made before, and put below it, are of the lower layer. The kernel tells nobody when a mount was made, nor
// whether a call made one, so calls are counted: an overlay that is seen for the first time may be of any call that no overlay was found
// for, whoever made it, wherever; it is dated with the earliest of them. A call makes one overlay at most: when as many were found as
// there were calls, none of these calls is left. Must stay true: where nothing is known the older time is taken, which calls a file
// dropped rather than shipped; a call that fails, or whose overlay nobody sees, moves no date forward. What is not closed: the type is
// read from the caller's memory, which another of its threads may change before the kernel reads it.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string_view>
#include <sys/types.h>

namespace undercoat::instrument {

// One line of /proc/PID/mountinfo that is an overlay. `device`: major << 32 | minor of its super block.
struct OverlayMount {
    uint64_t id = 0, device = 0;
};
// Takes lines off `mountinfo` up to the next overlay. False: there is none.
bool next_overlay(std::string_view& mountinfo, OverlayMount& out);

// Any thread may call these.
class Overlays {
public:
    // Dates the overlays in these whole lines that are not known.
    void see(std::string_view mountinfo);
    // The workload is about to mount an overlay, perhaps; what was mounted before has been seen. `now`: ns since the epoch.
    void note_call(uint64_t now);
    bool any() const { return newest_.load() != 0; }
    // No overlay began later.
    uint64_t newest_call() const { return newest_.load(); }
    // When the overlay of this mount began; 0: before all calls that were noted, or not known. Nothing: it is not among these lines.
    std::optional<uint64_t> began(std::string_view mountinfo, uint64_t mount_id);

private:
    struct Known {
        uint64_t device, began;
    };
    // With the lock held.
    uint64_t date(uint64_t device);
    std::mutex mutex_;
    std::array<Known, 64> known_{};
    size_t count_ = 0;
    uint64_t earliest_ = 0, calls_ = 0, found_ = 0;  // of the calls that are not accounted for
    std::atomic<uint64_t> newest_{0};
};

Overlays& overlays();
// Notes that `tid` is about to mount. `look`: what is mounted in its name space may be read.
void note_overlay_mount(pid_t tid, bool look);
// When the overlay began on which the file lies (an O_PATH descriptor that `pid` could have opened); 0 as above.
uint64_t overlay_began(pid_t pid, int fd);

}  // namespace undercoat::instrument
