// Falco's constants for the kernel's values.
#include "supervisor/event/flags.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>

namespace undercoat::event {
namespace {

TEST(OpenFlags, AccessModes) {
    EXPECT_EQ(open_flags(O_RDONLY), uint32_t{kPpmORdonly});
    EXPECT_EQ(open_flags(O_WRONLY), uint32_t{kPpmOWronly});
    EXPECT_EQ(open_flags(O_RDWR), uint32_t{kPpmORdwr});
    // An exotic access mode, and O_PATH, count as a read.
    EXPECT_EQ(open_flags(O_ACCMODE), uint32_t{kPpmORdonly});
    EXPECT_EQ(open_flags(O_PATH), uint32_t{kPpmORdonly});
}

TEST(OpenFlags, EachBit) {
    EXPECT_EQ(open_flags(O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC),
              uint32_t{kPpmOWronly | kPpmOCreat | kPpmOTrunc | kPpmOCloexec});
    EXPECT_EQ(open_flags(O_APPEND | O_EXCL | O_NONBLOCK | O_DIRECT),
              uint32_t{kPpmORdonly | kPpmOAppend | kPpmOExcl | kPpmONonblock | kPpmODirect});
}

TEST(OpenFlags, DirectoryAndTmpfileImplyEachOther) {
    EXPECT_EQ(open_flags(O_DIRECTORY), uint32_t{kPpmORdonly | kPpmODirectory | kPpmOTmpfile});
    EXPECT_EQ(open_flags(O_TMPFILE | O_WRONLY), uint32_t{kPpmOWronly | kPpmODirectory | kPpmOTmpfile});
}

TEST(OtherFlags, Convert) {
    EXPECT_EQ(clone_flags(CLONE_NEWUSER | CLONE_NEWNS), uint32_t{kPpmCloneNewuser | kPpmCloneNewns});
    EXPECT_EQ(ptrace_request(16), uint32_t{kPpmPtraceAttach});
    EXPECT_EQ(ptrace_request(0x4206), uint32_t{kPpmPtraceSeize});
    EXPECT_EQ(ptrace_request(0), uint32_t{kPpmPtraceTraceme});
    EXPECT_EQ(ptrace_request(999999), uint32_t{kPpmPtraceUnknown});
    EXPECT_EQ(fcntl_command(F_DUPFD_CLOEXEC), uint32_t{kPpmFDupfdCloexec});
    EXPECT_EQ(openat2_resolve(0x8 | 0x10), 3u);
}

TEST(ToPpm, PassesOtherTablesThrough) {
    EXPECT_EQ(to_ppm("socket_families", 17), 17);
    EXPECT_EQ(to_ppm("clone_flags", CLONE_NEWNET), kPpmCloneNewnet);
}

}  // namespace
}  // namespace undercoat::event
