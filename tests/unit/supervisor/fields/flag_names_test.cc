// Names of flags and enumerations, and that the tables agree with the constants that decoding uses.
#include "supervisor/fields/flag_names.h"

#include "supervisor/event/flags.h"
#include "supervisor/event/schema.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <set>

namespace undercoat::fields {
namespace {

const FlagTable& table(const char* name) {
    const FlagTable* t = find_flag_table(name);
    EXPECT_NE(t, nullptr) << name;
    return *t;
}

uint32_t value(const char* t, const char* name) {
    for (const FlagName& f : table(t).entries)
        if (f.name == name) return f.value;
    ADD_FAILURE() << name;
    return 0;
}

TEST(FlagNames, FollowTheOrderOfTheTable) {
    rules::Arena arena;
    EXPECT_EQ(flags_text(table("file_flags"), event::kPpmORdwr | event::kPpmOCreat | event::kPpmOTrunc, arena),
              "O_TRUNC|O_CREAT|O_RDWR");
    EXPECT_EQ(flags_text(table("file_flags"), 0, arena), "O_NONE");
    EXPECT_EQ(flags_text(table("unlinkat_flags"), 0, arena), "");
    EXPECT_EQ(flags_text(table("chmod_mode"), 04755, arena),
              "S_IXOTH|S_IROTH|S_IXGRP|S_IRGRP|S_IXUSR|S_IWUSR|S_IRUSR|S_ISUID");
}

TEST(FlagNames, EnumerationsShowAllEqualNames) {
    rules::Arena arena;
    EXPECT_EQ(enum_text(table("socket_families"), 1, arena), "AF_LOCAL|AF_UNIX");
    EXPECT_EQ(enum_text(table("socket_families"), 17, arena), "AF_PACKET");
    EXPECT_EQ(enum_text(table("socket_families"), 999, arena), "");
}

TEST(FlagNames, AgreeWithTheConversions) {
    EXPECT_EQ(value("file_flags", "O_TMPFILE"), event::kPpmOTmpfile);
    EXPECT_EQ(value("file_flags", "O_F_CREATED"), event::kPpmOFCreated);
    EXPECT_EQ(value("file_flags", "FD_UPPER_LAYER"), event::kPpmFdUpperLayer);
    EXPECT_EQ(value("execve_flags", "EXE_FROM_MEMFD"), event::kPpmExeFromMemfd);
    EXPECT_EQ(value("clone_flags", "CLONE_NEWUSER"), event::kPpmCloneNewuser);
    EXPECT_EQ(value("fcntl_commands", "F_DUPFD_CLOEXEC"), event::kPpmFDupfdCloexec);
    EXPECT_EQ(value("ptrace_requests", "PTRACE_SEIZE"), event::kPpmPtraceSeize);
    rules::Arena arena;
    EXPECT_EQ(flags_text(table("file_flags"), event::open_flags(O_WRONLY | O_APPEND | O_CREAT), arena),
              "O_APPEND|O_CREAT|O_WRONLY");
}

// A detail that names a table that does not exist would silently render as a number.
TEST(FlagNames, EveryDetailOfTheSchemaHasATable) {
    const std::set<std::string_view> dynamic = {"keyctl_dynamic_param", "ptrace_dynamic_param", "sockopt_dynamic_param"};
    for (unsigned e = 0; e < event::kEventCount; ++e)
        for (unsigned i = 0; i < event::kEvents[e].nparams; ++i) {
            const event::Param& p = event::kEvents[e].params[i];
            const std::string_view detail = p.detail;
            if (detail.empty() || event::dirfd_param(p) >= 0 || dynamic.contains(detail)) continue;
            EXPECT_NE(find_flag_table(detail), nullptr) << event::kEvents[e].name << "." << p.name << ": " << detail;
        }
}

TEST(FlagNames, ErrorsAndCapabilities) {
    rules::Arena arena;
    EXPECT_EQ(errno_name(2), "ENOENT");
    EXPECT_EQ(errno_name(512), "ERESTARTSYS");
    EXPECT_EQ(errno_name(4000), "");
    EXPECT_EQ(errno_name(-1), "");
    EXPECT_EQ(signal_name(9, arena), "SIGKILL");
    EXPECT_EQ(capabilities_text(1 | 1ull << 21, arena), "CAP_CHOWN CAP_SYS_ADMIN");
}

}  // namespace
}  // namespace undercoat::fields
