// Looking at processes of other users without CAP_SYS_PTRACE, which containers usually do not have.
//
// The kernel lets a thread look at processes whose ids are all the same as its own. Where a look was refused, a root that may
// change its ids has the calling thread, and no other, take on the target's: the real ones for its memory, those of the file
// system for its links in /proc. The effective ones stay root's, so that it can go back, and so that nobody of that user may
// trace the thread. What no ids help with stays refused: a target whose ids differ among themselves, or that is not dumpable
// (it changed its ids and has executed nothing since), or whose capabilities are not among ours.
//
// Must stay true: ids are taken on within a ReachScope only, and are given back at its end at the latest.
#pragma once

#include <sys/types.h>

namespace undercoat::instrument {

// One call is handled within it: what was taken on stays for the looks that follow. Not nested.
class ReachScope {
public:
    ReachScope();
    ~ReachScope();
    ReachScope(const ReachScope&) = delete;
    ReachScope& operator=(const ReachScope&) = delete;
};

// A look at this thread was refused (EPERM, EACCES). True: the caller has the target's ids now, a second look may succeed.
// Tried once for each target; changes nothing and keeps errno where it returns false.
bool take_reach(pid_t tid);
// Gives them back; for what must be done with our own ids. Cheap when there is nothing to give back.
void release_reach();

}  // namespace undercoat::instrument
