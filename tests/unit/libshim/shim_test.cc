// The shim in real processes, in both modes: the program behaves as natively, and each of its calls is recorded once.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>

#include "tests/unit/libshim/agent.h"

namespace undercoat::test {
namespace {

using wire::RecordKind;
using wire::Tag;

std::string tracee(const std::string& name, bool musl) {
    return std::string(UC_TRACEES) + "/" + name + (musl ? "-musl" : "");
}

struct Variant {
    bool full, musl;
};

class ShimTest : public testing::TestWithParam<Variant> {
protected:
    void SetUp() override {
        if (GetParam().musl && !std::filesystem::exists(tracee("open_many", true)))
            GTEST_SKIP() << "no musl-gcc: musl is NOT tested";
        char d[] = "/tmp/undercoat-tracee-XXXXXX";
        ASSERT_TRUE(mkdtemp(d));
        directory_ = d;
    }
    void TearDown() override {
        if (!directory_.empty()) std::filesystem::remove_all(directory_);
    }
    std::vector<std::string> command(const std::string& name, std::vector<std::string> arguments = {}) {
        arguments.insert(arguments.begin(), tracee(name, GetParam().musl));
        return arguments;
    }
    AgentOptions options() { return {.full = GetParam().full, .want_results = true}; }
    // Each call of the table that a name names: those recorded by the shim and those that came to the trap.
    static size_t times(const Agent& agent, const std::string& call) {
        size_t n = of(agent.records(), call).size();
        for (const Trap& t : agent.traps()) n += t.call == call;
        return n;
    }
    std::string directory_;
};

void same(const Outcome& seen, const Outcome& native) {
    EXPECT_EQ(seen.status, native.status);
    EXPECT_EQ(seen.output, native.output);
}

TEST_P(ShimTest, FileCalls) {
    const Outcome native = run_native(command("file_calls", {directory_}));
    Agent agent(options());
    same(agent.run(command("file_calls", {directory_})), native);
    EXPECT_EQ(native.output.find("fails 38"), std::string::npos);
    const std::vector<Seen> records = agent.records();
    const bool musl = GetParam().musl;
    for (const char* call :
         {"mkdir", "mkdirat", "rename", "renameat", "link", "linkat", "symlink", "symlinkat", "chmod", "fchmodat",
          "chown", "lchown", "fchownat", "truncate", "fchdir", "fchmod", "unlinkat"})
        EXPECT_EQ(times(agent, call), 1U) << call;
    EXPECT_EQ(times(agent, "unlink"), 8U);
    EXPECT_EQ(times(agent, "rmdir"), 2U);
    EXPECT_EQ(times(agent, musl ? "mknod" : "mknodat"), 2U);
    EXPECT_EQ(times(agent, "creat"), musl ? 0U : 1U);
    for (const Seen& s : records) {
        if (s.kind != RecordKind::call) continue;
        EXPECT_EQ(s.tid, 0U) << s.call;
        EXPECT_TRUE(s.flags & wire::kTimeTsc);
    }
    const std::vector<Seen> link = of(records, "link");
    ASSERT_EQ(link.size(), 1U);
    const auto [a, b] = link[0].pieces.equal_range(Tag::path);
    ASSERT_EQ(std::distance(a, b), 2);
    EXPECT_EQ(a->second, "new");
    EXPECT_EQ(std::next(a)->second, "hard");
    EXPECT_EQ(link[0].result, 0);
    const std::vector<Seen> symlink = of(records, "symlink");
    ASSERT_EQ(symlink.size(), 1U);
    EXPECT_EQ(symlink[0].text(Tag::string), "new");
    EXPECT_EQ(symlink[0].text(Tag::path), "soft");
    const std::vector<Seen> rmdir = of(records, "rmdir");
    ASSERT_EQ(rmdir.size(), 2U);
    EXPECT_EQ(rmdir[1].result, -ENOENT);
    const std::vector<Seen> below = of(records, "mkdirat");
    ASSERT_EQ(below.size(), 1U);
    EXPECT_EQ(below[0].text(Tag::fd), GetParam().full ? directory_ : "");  // where it leads is told in the trap's stead
    const std::vector<Seen> unlink = of(records, "unlink");
    ASSERT_EQ(unlink.size(), 8U);
    EXPECT_EQ(unlink[3].text(Tag::path), "hard2");
}

TEST_P(ShimTest, OpensHaveTheirArgumentsAndResults) {
    Agent agent(options());
    agent.run(command("file_calls", {directory_}));
    const char* call = GetParam().musl ? "open" : "openat";
    const size_t flags = GetParam().musl ? 1 : 2, large = GetParam().musl ? 0100000 : 0;
    bool exclusive = false, appended = false, listed = false;
    for (const Seen& s : of(agent.records(), call)) {
        ASSERT_GT(s.args.size(), flags + 1);
        const std::string path = s.text(Tag::path);
        const uint64_t f = s.args[flags] & ~(O_CLOEXEC | large);
        exclusive = exclusive || (path == "new" && f == (O_WRONLY | O_CREAT | O_TRUNC | O_EXCL) && s.result == -EEXIST);
        appended = appended ||
                   (path == "new" && f == (O_RDWR | O_CREAT | O_APPEND) && s.args[flags + 1] == 0666 && s.result >= 0);
        listed = listed || (path == "dir" && (f & ~O_NONBLOCK) == O_DIRECTORY && s.result >= 0);
    }
    EXPECT_TRUE(exclusive);
    EXPECT_TRUE(appended);
    EXPECT_TRUE(listed);
}

TEST_P(ShimTest, NetCalls) {
    const Outcome native = run_native(command("net_calls"));
    Agent agent(options());
    same(agent.run(command("net_calls")), native);
    const std::vector<Seen> records = agent.records();
    // glibc's look-up makes sockets of its own, which the trap sees.
    const bool own = GetParam().full && !GetParam().musl;
    EXPECT_GE(times(agent, "socket"), 6U);
    EXPECT_GE(times(agent, "connect"), 4U);
    EXPECT_TRUE(own || (times(agent, "socket") == 6 && times(agent, "connect") == 4));
    EXPECT_EQ(times(agent, "listen"), 1U);
    EXPECT_EQ(times(agent, "accept"), 1U);
    EXPECT_EQ(times(agent, "accept4"), 1U);
    ASSERT_EQ(of(records, "sendto").size(), 1U);
    ASSERT_EQ(of(records, "sendmsg").size(), 1U);
    const auto address = [](const Seen& s, Tag tag) {
        sockaddr_in a{};
        const std::string bytes = s.text(tag);
        memcpy(&a, bytes.data(), std::min(bytes.size(), sizeof a));
        return ntohl(a.sin_addr.s_addr);
    };
    EXPECT_EQ(address(of(records, "sendto")[0], Tag::sockaddr), INADDR_LOOPBACK);
    EXPECT_EQ(of(records, "sendto")[0].result, 5);
    EXPECT_EQ(address(of(records, "sendmsg")[0], Tag::sockaddr), INADDR_LOOPBACK);
    const std::vector<Seen> connect = of(records, "connect");
    ASSERT_GE(connect.size(), 2U);
    EXPECT_EQ(connect[connect.size() - 2].result, -ECONNREFUSED);
    EXPECT_EQ(connect.back().result, -EBADF);
    ASSERT_EQ(of(records, "accept").size(), 1U);
    EXPECT_EQ(address(of(records, "accept")[0], Tag::peer), INADDR_LOOPBACK);
    const auto name =
        std::find_if(records.begin(), records.end(), [](const Seen& s) { return s.kind == RecordKind::name; });
    ASSERT_NE(name, records.end());
    EXPECT_EQ(name->text(Tag::path), "127.0.0.1");
    EXPECT_EQ(address(*name, Tag::addresses), INADDR_LOOPBACK);
}

TEST_P(ShimTest, ProgramsSeeTheEnvironmentTheyWereGiven) {
    for (const char* how : {"", "execve", "execve-null", "execv", "execvp", "execvpe", "execl", "execlp", "execle",
                            "fexecve", "clearenv", "user-preload", "spawn", "spawnp", "vfork", "too-big", "missing"}) {
        SCOPED_TRACE(how);
        const std::vector<std::string> environment = {"B=2", "LD_LIBRARY_PATH=/nowhere", "C="};
        const Outcome native = run_native(command("environment_print", {how}), environment);
        Agent agent(options());
        same(agent.run(command("environment_print", {how}), environment), native);
    }
}

TEST_P(ShimTest, ImagesAreSeenAcrossAnEmptyEnvironment) {
    for (const char* how : {"execle", "fexecve", "vfork", "spawn", "clearenv", "execve-null"}) {
        SCOPED_TRACE(how);
        Agent agent(options());
        const std::string run = tracee("environment_print", GetParam().musl);
        agent.run({tracee("environment_print", GetParam().musl), how});
        if (GetParam().full) continue;  // there only many calls bring a ring; the next test sees those
        EXPECT_EQ(agent.rings(), 2U);   // the second image has found the meeting place
    }
}

TEST_P(ShimTest, ForkedChildrenSpeakForThemselves) {
    for (const char* how : {"fork", "unprivileged-fork", "unwiped-daemon"}) {
        SCOPED_TRACE(how);
        const Outcome native = run_native(command("processes", {how}));
        Agent agent(options());
        same(agent.run(command("processes", {how})), native);
        EXPECT_EQ(agent.rings(), 3U);
        std::map<std::string, std::set<uint32_t>> rings;
        for (const Seen& s : agent.records()) rings[s.text(Tag::path)].insert(s.ring);
        for (const char* path : {"/main", "/child", "/grandchild"}) EXPECT_EQ(rings[path].size(), 1U) << path;
        EXPECT_EQ(rings["/main"], rings["/after"]);
        EXPECT_NE(rings["/main"], rings["/child"]);
        EXPECT_NE(rings["/child"], rings["/grandchild"]);
    }
}

TEST_P(ShimTest, ChildrenInOurMemoryDoNotSpeakForUs) {
    for (const char* how : {"vfork", "shared", "shared-vfork"}) {
        SCOPED_TRACE(how);
        const Outcome native = run_native(command("processes", {how}));
        Agent agent(options());
        same(agent.run(command("processes", {how})), native);
        size_t after = 0;
        for (const Seen& s : agent.records()) {
            EXPECT_NE(s.text(Tag::path), "/vchild");
            EXPECT_NE(s.text(Tag::path), "/shared");
            after += s.text(Tag::path) == "/after";
        }
        EXPECT_EQ(after, std::string(how) == "shared" ? 0U : 10U);
    }
}

TEST_P(ShimTest, Threads) {
    Agent agent(options());
    EXPECT_EQ(agent.run(command("processes", {"threads"})).output, "end\n");
    size_t n = 0;
    std::set<uint32_t> tids;
    for (const Seen& s : agent.records()) {
        if (s.text(Tag::path) != "/thread") continue;
        n++;
        tids.insert(s.tid);
    }
    EXPECT_EQ(n, 200U);
    EXPECT_EQ(tids.size(), 4U);
}

TEST_P(ShimTest, HandlersThatOpenOrJumpOut) {
    for (const char* how : {"return", "jump"}) {
        SCOPED_TRACE(how);
        AgentOptions o = options();
        o.granules = 1 << 18;  // room for all, holes included
        Agent agent(o);
        EXPECT_EQ(agent.run(command("handlers", {how})).output, "wrong 0\n");
        size_t handler = 0;
        for (const Seen& s : agent.records()) handler += s.text(Tag::path) == "/handler";
        EXPECT_GE(handler, 190U);
    }
}

TEST_P(ShimTest, BadPointersGiveTheNativeErrors) {
    const Outcome native = run_native(command("bad_pointers"));
    ASSERT_NE(native.output.find("open 7: 14"), std::string::npos);
    Agent agent(options());
    same(agent.run(command("bad_pointers")), native);
}

TEST_P(ShimTest, AFullRingTakesTheTrapDoorOrCounts) {
    AgentOptions o = options();
    o.drain = false;
    o.granules = 64;
    Agent agent(o);
    EXPECT_EQ(agent.run(command("open_many", {"1000"})).output, "missing 1000\n");
    const char* call = GetParam().musl ? "open" : "openat";
    EXPECT_LT(of(agent.records(), call).size(), 64U);
    if (!GetParam().full) {
        EXPECT_EQ(of(agent.records(), call).size() + agent.drops(), 1000U);
        return;
    }
    // The loader's own opens come to the trap as well.
    size_t trapped = 0;
    for (const Trap& t : agent.traps()) trapped += t.call == call;
    EXPECT_GE(trapped + of(agent.records(), call).size(), 1000U);
}

TEST_P(ShimTest, WithoutARingTheProgramRunsAsItIs) {
    AgentOptions o = options();
    o.refuse_rings = true;
    Agent agent(o);
    EXPECT_EQ(agent.run(command("open_many", {"50"})).output, "missing 50\n");
    same(agent.run(command("net_calls")), run_native(command("net_calls")));
    EXPECT_TRUE(agent.records().empty());
}

std::string variant_name(const testing::TestParamInfo<Variant>& i) {
    return std::string(i.param.full ? "full" : "preload") + (i.param.musl ? "_musl" : "_glibc");
}
INSTANTIATE_TEST_SUITE_P(All, ShimTest,
                         testing::Values(Variant{false, false}, Variant{false, true}, Variant{true, false},
                                         Variant{true, true}),
                         variant_name);

// With a filter, every call is seen on exactly one side, and most of them inside.
TEST(ShimFullTest, EachCallIsSeenOnce) {
    Agent agent({.full = true});
    EXPECT_EQ(agent.run({tracee("open_many", false), "1000"}).output, "missing 1000\n");
    size_t inside = 0, outside = 0;
    for (const Seen& s : agent.records()) inside += s.text(Tag::path) == "/missing";
    uint64_t path = 0;
    for (const Trap& t : agent.traps()) path = t.call == "openat" ? t.args[1] : path;
    for (const Trap& t : agent.traps()) outside += t.call == "openat" && t.args[1] == path;
    EXPECT_EQ(inside + outside, 1000U);
    EXPECT_GE(inside, 990U);
}

TEST(ShimFullTest, ACookieJoinsTheTrapWithTheResult) {
    char d[] = "/tmp/undercoat-tracee-XXXXXX";
    ASSERT_TRUE(mkdtemp(d));
    Agent agent({.full = true, .want_results = true});
    agent.run({tracee("file_calls", false), d});
    std::filesystem::remove_all(d);
    std::map<uint32_t, std::string> trapped, results;
    for (const Trap& t : agent.traps())
        if (t.seq) trapped[t.seq] = t.call;
    for (const Seen& s : agent.records())
        if (s.kind == RecordKind::result) results[s.seq()] = s.call;
    EXPECT_GE(results.size(), 3U);
    EXPECT_EQ(trapped, results);
}

TEST(ShimFullTest, CancellationReachesBlockedCallsAndRunsDestructors) {
    for (const bool full : {false, true}) {
        Agent agent({.full = full});
        EXPECT_EQ(agent.run({tracee("cancel_accept", false)}).output, "canceled 1 destroyed 1\n");
        const std::string fifo = "/tmp/undercoat-fifo-" + std::to_string(getpid());
        EXPECT_EQ(agent.run({tracee("cancel_accept", false), "open", fifo}).output, "canceled 1 destroyed 1\n");
    }
}

TEST(ShimFullTest, NonBlockingAcceptNeedsNoTrapWhereThreadsAreCancelled) {
    Agent agent({.full = true});
    EXPECT_EQ(agent.run({tracee("cancel_accept", false), "nonblocking"}).output, "again 100\n");
    EXPECT_GE(of(agent.records(), "accept").size(), 95U);
}

// In preload mode nobody else sees an exec that fails, or one of a program that does not load us.
TEST(ShimPreloadTest, FailedExecsAreRecorded) {
    Agent agent;
    agent.run({tracee("environment_print", false), "missing"});
    const std::vector<Seen> execs = of(agent.records(), "execve");
    ASSERT_EQ(execs.size(), 2U);
    EXPECT_EQ(execs[0].text(Tag::path), "/missing");
    EXPECT_EQ(execs[0].text(Tag::argv), tracee("environment_print", false) + '\0');
    EXPECT_EQ(execs[0].result, -ENOENT);
    EXPECT_EQ(execs[1].text(Tag::path), "missing-program");
}

TEST(ShimPreloadTest, ExecsOfStaticProgramsAreRecordedBefore) {
    Agent agent;
    EXPECT_EQ(agent.run({tracee("exec_argument", false), tracee("open_many_static", false), "3"}).output,
              "missing 3\n");
    const std::vector<Seen> execs = of(agent.records(), "execve");
    ASSERT_EQ(execs.size(), 1U);
    EXPECT_EQ(execs[0].text(Tag::path), tracee("open_many_static", false));
    EXPECT_EQ(execs[0].result, 0);
    EXPECT_EQ(agent.rings(), 1U);
}

}  // namespace
}  // namespace undercoat::test
