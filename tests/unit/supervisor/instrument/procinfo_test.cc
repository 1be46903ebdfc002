// What is read of a process, on this one.
#include "supervisor/instrument/procinfo.h"

#include <cstring>
#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace undercoat::instrument {
namespace {

std::string tag(const uint8_t* payload, size_t n, wire::Tag wanted) {
    std::string found = "(none)";
    uint8_t record[wire::kMaxRecord] = {};
    const uint16_t size = static_cast<uint16_t>(n);
    memcpy(record + 14, &size, sizeof size);
    memcpy(record + wire::kHeaderSize, payload, n);
    const wire::RecordView view(record, wire::kHeaderSize + n);
    EXPECT_TRUE(view.valid());
    view.each([&](const wire::Tlv& t) {
        if (t.tag == wanted) found.assign(reinterpret_cast<const char*>(t.data), t.size);
        return true;
    });
    return found;
}

TEST(ProcInfo, DescribesThisProcess) {
    Snapshot s;
    ASSERT_TRUE(read_snapshot(getpid(), s));
    EXPECT_EQ(s.info.pid, static_cast<uint32_t>(getpid()));
    EXPECT_EQ(s.info.ppid, static_cast<uint32_t>(getppid()));
    EXPECT_EQ(s.info.sid, static_cast<uint32_t>(getsid(0)));
    EXPECT_EQ(s.info.euid, geteuid());
    EXPECT_EQ(s.info.gid, getgid());
    EXPECT_GT(s.info.vm_rss_kb, 0u);
    struct stat st;
    ASSERT_EQ(stat("/proc/self/exe", &st), 0);
    EXPECT_EQ(s.info.exe_ino, st.st_ino);
    const uint64_t now = static_cast<uint64_t>(time(nullptr)) * 1'000'000'000;
    EXPECT_LT(s.info.start_time, now + 2'000'000'000);
    EXPECT_GT(s.info.start_time, now - 3'600'000'000'000);
    EXPECT_FALSE(read_snapshot(1 << 22, s));
}

TEST(ProcInfo, PutsTheVectors) {
    Snapshot s;
    ASSERT_TRUE(read_snapshot(getpid(), s));
    static uint8_t payload[wire::kMaxRecord];
    wire::PayloadWriter out(payload, payload + 16384);
    put_short(s, out);
    put_long(getpid(), s, "/a/link", true, out);
    ASSERT_FALSE(out.overflowed());
    EXPECT_EQ(tag(payload, out.size(), wire::Tag::comm), s.comm);
    EXPECT_EQ(tag(payload, out.size(), wire::Tag::exe), "/a/link");
    EXPECT_NE(tag(payload, out.size(), wire::Tag::argv).find("instrument_tests"), std::string::npos);
    EXPECT_NE(tag(payload, out.size(), wire::Tag::cgroup), "(none)");
}

// The kernel shows it at the root of each hierarchy of version 1, where it may never have been.
TEST(ProcInfo, ADeadProcessHasNoCgroup) {
    std::ifstream file("/proc/self/cgroup");
    const std::string mine((std::istreambuf_iterator<char>(file)), {});
    if (mine.find(":/\n") == mine.npos) GTEST_SKIP() << "no hierarchy of version 1: " << mine;
    const pid_t child = fork();
    if (child == 0) _exit(0);
    siginfo_t ended;
    ASSERT_EQ(waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT), 0);
    static uint8_t payload[wire::kMaxRecord];
    wire::PayloadWriter out(payload, payload + 16384);
    EXPECT_FALSE(put_cgroup(child, out));
    EXPECT_EQ(tag(payload, out.size(), wire::Tag::cgroup), "(none)");
    waitpid(child, nullptr, 0);
    EXPECT_TRUE(put_cgroup(getpid(), out));
}

}  // namespace
}  // namespace undercoat::instrument
