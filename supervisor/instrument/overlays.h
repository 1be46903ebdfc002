// When each overlay began: what changed in it since then lies in its upper layer (fileinfo.h).
//
// An overlay that was there when the container began is as old as the container's first process. One that the workload mounts is as old
// as its call: files that it made before, and put below it, are of the lower layer. The kernel tells nobody when a mount was made, so
// the calls are noted. Must stay true: where nothing is known the older time is taken, which calls a file dropped rather than shipped.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
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
    // The workload is about to mount an overlay, perhaps. `mountinfo`: what is mounted before; `now`: ns since the epoch.
    void note_mount(std::string_view mountinfo, uint64_t now);
    bool any() const { return last_.load() != 0; }
    // When the overlay of this mount began; 0: before all calls that were noted, or not known.
    uint64_t began(std::string_view mountinfo, uint64_t mount_id);

private:
    struct Known {
        uint64_t device, began;
    };
    // With the lock held. False: there is no room.
    bool add(uint64_t device, uint64_t began);
    const Known* find(uint64_t device) const;
    std::mutex mutex_;
    std::array<Known, 64> known_{};
    size_t count_ = 0;
    std::atomic<uint64_t> last_{0};
};

Overlays& overlays();
// Notes that `tid` is about to mount.
void note_overlay_mount(pid_t tid);
// When the overlay began on which the file lies (an O_PATH descriptor that `pid` could have opened); 0 as above.
uint64_t overlay_began(pid_t pid, int fd);

}  // namespace undercoat::instrument
