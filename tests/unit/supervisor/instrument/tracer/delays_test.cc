// What makes the tracer leave calls to threads that may be held up.
#include "supervisor/instrument/tracer/delays.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <sched.h>

#include "wire/local/calls.h"

namespace undercoat::instrument {
namespace {

bool brings(wire::Call call, uint64_t argument = 0, bool i386 = false) {
    Trap t{};
    t.arch = i386 ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64;
    t.nr = static_cast<uint64_t>(i386 ? wire::info(call).i386 : wire::info(call).x86_64);
    t.args[0] = argument;
    return brings_delays(t);
}

TEST(Delays, ComeWithFaultsAndMountsOfPrograms) {
    for (bool i386 : {false, true})
        for (wire::Call call : {wire::Call::userfaultfd, wire::Call::mount, wire::Call::fsmount, wire::Call::setns})
            EXPECT_TRUE(brings(call, 0, i386)) << wire::info(call).name;
    EXPECT_TRUE(brings(wire::Call::unshare, CLONE_NEWNS | CLONE_NEWPID));
    EXPECT_FALSE(brings(wire::Call::unshare, CLONE_NEWPID));
    EXPECT_FALSE(brings(wire::Call::openat));
    EXPECT_FALSE(brings(wire::Call::umount2));
}

TEST(Delays, ComeWithFileSystemsThatOthersServe) {
    const char* plain = "28 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n29 28 0:5 / /dev rw - devtmpfs fuse rw\n"
                        "30 28 0:44 / /sys/fs/fuse/connections rw - fusectl fusectl rw\n";
    EXPECT_FALSE(has_slow_mounts(plain));
    EXPECT_FALSE(has_slow_mounts(""));
    for (const char* type : {"fuse", "fuse.gcsfuse", "fuseblk", "nfs", "nfs4", "cifs", "9p", "autofs"})
        EXPECT_TRUE(has_slow_mounts(std::string(plain) + "31 28 0:45 / /mnt rw shared:3 master:1 - " + type + " server:/x rw\n")) << type;
}

}  // namespace
}  // namespace undercoat::instrument
