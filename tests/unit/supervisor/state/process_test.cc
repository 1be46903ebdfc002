// Processes: birth, execution, names, identities, ends.
#include "tests/unit/supervisor/state/state_fixture.h"

#include "supervisor/event/flags.h"

namespace undercoat::state {
namespace {

using Process = StateTest;

TEST_F(Process, AChildInheritsAndAnExecutionReplaces) {
    fork(1, 20);
    EXPECT_EQ(thread(20).comm, "init");
    EXPECT_EQ(thread(20).ppid, 1);
    EXPECT_EQ(thread(20).cwd, "/root");
    exec(20, "/usr/bin/cat", R"(,"args":{"list":["-n","/etc/x y"]},"env":{"list":["A=1","B=2"]},"comm":"cat","uid":5)");
    EXPECT_EQ(thread(20).comm, "cat");
    EXPECT_EQ(thread(20).cmdline(), "cat -n /etc/x y");
    EXPECT_EQ(*thread(20).env("B"), "B=2");
    EXPECT_EQ(thread(20).env("C"), nullptr);
    EXPECT_EQ(thread(20).uid, 5u);
    EXPECT_EQ(thread(1).comm, "init");
    EXPECT_EQ(state.parent(thread(20))->comm, "init");
    EXPECT_EQ(thread(1).child_count(), 1u);
}

TEST_F(Process, AFailedExecutionKeepsTheCallersState) {
    const Context& c = apply(R"({"type":"execve","pid":1,"params":{"res":-2,"filename":"/bin/nope","exe":"nope"}})");
    EXPECT_EQ(c.thread->comm, "init");
    EXPECT_EQ(c.thread->image->exe, "/sbin/init");
    EXPECT_EQ(event.param("comm").text, "init");
}

TEST_F(Process, WhatCannotBeReadIsTakenFromThePath) {
    fork(1, 20);
    run(R"({"type":"execve","pid":20,"flags":["unreadable"],"params":{"res":0,"filename":"../opt/some-very-long-name"}})");
    EXPECT_EQ(thread(20).comm, "some-very-long-");
    EXPECT_EQ(thread(20).image->exepath, "/opt/some-very-long-name");
}

TEST_F(Process, TheThreadThatExecutesBecomesTheProcess) {
    run(R"({"type":"clone","pid":1,"params":{"res":2,"flags":8192}})");
    EXPECT_EQ(thread(2).pid, 1);
    EXPECT_EQ(thread(1).nthreads, 2u);
    const Context& c = apply(R"({"type":"execve","pid":1,"tid":2,"params":{"res":0,"filename":"/bin/fold","comm":"fold"}})");
    EXPECT_EQ(c.thread->tid, 1);
    EXPECT_EQ(c.thread->comm, "fold");
    state.finish();
    EXPECT_EQ(state.thread(2), nullptr);
    EXPECT_EQ(thread(1).nthreads, 1u);
}

TEST_F(Process, ANewNameIsInheritedOnly) {
    run(R"({"type":"prctl","pid":1,"params":{"res":0,"option":15,"arg2_str":"sshd"}})");
    EXPECT_EQ(thread(1).comm, "init");
    fork(1, 20);
    EXPECT_EQ(thread(20).comm, "sshd");
    apply(R"({"type":"openat","pid":1,"tid":3,"params":{"fd":4,"dirfd":-100,"name":"/x","flags":1}})");
    EXPECT_EQ(state.context().thread->comm, "sshd");
    EXPECT_EQ(state.context().thread->main().comm, "init");
}

TEST_F(Process, IdentitiesChangeBeforeTheRulesLook) {
    EXPECT_EQ(apply(R"({"type":"setuid","pid":1,"params":{"res":0,"uid":7}})").thread->uid, 7u);
    EXPECT_EQ(apply(R"({"type":"setuid","pid":1,"params":{"res":-1,"uid":9}})").thread->uid, 7u);
    EXPECT_EQ(apply(R"({"type":"setresuid","pid":1,"params":{"res":0,"ruid":1,"euid":4294967295,"suid":3}})").thread->uid, 7u);
    EXPECT_EQ(apply(R"({"type":"setresgid","pid":1,"params":{"res":0,"rgid":1,"egid":8,"sgid":3}})").thread->gid, 8u);
    EXPECT_EQ(apply(R"({"type":"setresuid","pid":1,"params":{"res":0,"ruid":-1,"euid":12,"suid":-1}})").thread->uid, 12u);
}

TEST_F(Process, AUserNamespaceGivesAllCapabilities) {
    run(R"({"type":"unshare","pid":1,"params":{"res":-1,"flags":)" + std::to_string(event::kPpmCloneNewuser) + "}}");
    EXPECT_EQ(thread(1).cap_effective, 0u);
    run(R"({"type":"unshare","pid":1,"params":{"res":0,"flags":)" + std::to_string(event::kPpmCloneNewns) + "}}");
    EXPECT_EQ(thread(1).cap_effective, 0u);
    run(R"({"type":"unshare","pid":1,"params":{"res":0,"flags":)" + std::to_string(event::kPpmCloneNewuser) + "}}");
    EXPECT_EQ(thread(1).cap_effective, (uint64_t{1} << 41) - 1);
}

TEST_F(Process, TheWorkingDirectoryFollowsChdir) {
    run(R"({"type":"chdir","pid":1,"params":{"res":0,"path":"../usr//bin/."}})");
    EXPECT_EQ(thread(1).cwd, "/usr/bin");
    run(R"({"type":"chdir","pid":1,"params":{"res":-2,"path":"/nope"}})");
    EXPECT_EQ(thread(1).cwd, "/usr/bin");
    run(R"({"type":"open","pid":1,"params":{"fd":5,"name":"/var/log","flags":1}})");
    run(R"({"type":"fchdir","pid":1,"params":{"res":0,"fd":5}})");
    EXPECT_EQ(thread(1).cwd, "/var/log");
}

TEST_F(Process, OrphansGoToTheNearestSubreaper) {
    run(R"({"type":"prctl","pid":1,"params":{"res":0,"option":36,"arg2_int":1}})");
    fork(1, 20);
    fork(20, 30);
    fork(30, 40);
    run(R"({"kind":"exit","type":"procexit","pid":30,"params":{"status":0}})");
    EXPECT_EQ(thread(40).ppid, 1);
    EXPECT_EQ(state.parent(thread(40))->comm, "init");
}

TEST_F(Process, AProcessIsThereForTheRulesOfItsEndAndForLateEventsThen) {
    fork(1, 20);
    const Context& c = apply(R"({"kind":"exit","type":"procexit","ts":1000,"pid":20,"params":{"status":0,"reaper_tid":0}})");
    ASSERT_NE(c.thread, nullptr);
    EXPECT_FALSE(c.thread->dead);
    state.finish();
    EXPECT_TRUE(thread(20).dead);
    // The end is told twice where a process both called exit_group and was seen to die: the second is nobody's.
    EXPECT_EQ(apply(R"({"kind":"exit","type":"procexit","ts":1001,"pid":20,"params":{}})").thread, nullptr);
    state.finish();
    run(R"({"type":"getuid","ts":6000000000,"pid":1})");
    EXPECT_EQ(state.thread(20), nullptr);
}

TEST_F(Process, ANumberIsUsedAgain) {
    fork(1, 20);
    exec(20, "/bin/old", R"(,"comm":"old")");
    run(R"({"kind":"exit","type":"procexit","ts":1000,"pid":20,"params":{}})");
    run(R"({"kind":"birth","type":"clone","origin":"notify","ts":1001,"pid":20,"result":1})");
    EXPECT_EQ(thread(20).comm, "init");
    EXPECT_FALSE(thread(20).dead);
    run(R"({"type":"getuid","ts":9000000000,"pid":1})");
    EXPECT_NE(state.thread(20), nullptr);
}

TEST_F(Process, ABirthIsMergedWithItsParentsClone) {
    fork(1, 20);
    exec(20, "/bin/sh", R"(,"comm":"sh")");
    run(R"({"kind":"birth","type":"clone","origin":"notify","pid":20,"result":1})");
    EXPECT_EQ(thread(20).comm, "sh");
    EXPECT_EQ(thread(1).child_count(), 1u);
}

TEST_F(Process, ABirthTellsAnImageThatNobodySawExecuted) {
    run(R"({"kind":"birth","type":"clone","origin":"notify","pid":20,"result":1,)"
        R"("captured":{"comm":"cat","exe":"/bin/cat","argv":{"list":["cat","/etc/shadow"]},"envp":{"list":["A=b"]}}})");
    EXPECT_EQ(thread(20).image->exepath, "/bin/cat");
    EXPECT_EQ(thread(20).cmdline(), "cat /etc/shadow");
    ASSERT_NE(thread(20).env("A"), nullptr);
    run(R"({"kind":"birth","type":"clone","origin":"notify","pid":21,"result":1,"captured":{"comm":"init","exe":"/sbin/init"}})");
    EXPECT_EQ(thread(21).image, thread(1).image) << "a fork shares it";
}

TEST_F(Process, ABirthTellsTheDirectoryWhereNothingIsKnownOfTheParent) {
    apply(R"({"type":"getuid","pid":77})");
    run(R"({"kind":"birth","type":"clone","origin":"notify","pid":20,"result":77,"captured":{"comm":"cat","cwd":"/srv/"}})");
    EXPECT_EQ(thread(20).cwd, "/srv");
    run(R"({"kind":"birth","type":"clone","origin":"notify","pid":21,"result":78,"captured":{"comm":"cat","cwd":"/etc"}})");
    EXPECT_EQ(thread(21).cwd, "/etc");
    run(R"({"kind":"birth","type":"clone","origin":"notify","pid":22,"result":21,"captured":{"comm":"cat","cwd":"/proc/1/root"}})");
    EXPECT_EQ(thread(22).cwd, "/etc") << "what is known of a parent has the names that the process itself uses";
}

TEST_F(Process, TheParentAtBirthCounts) {
    fork(1, 20);
    exec(20, "/bin/sh", R"(,"comm":"sh")");
    run(R"({"kind":"birth","type":"clone","origin":"notify","pid":30,"result":20,"captured":{"comm":"sh"}})");
    EXPECT_EQ(state.ancestor(thread(30), 1)->comm, "sh");
    EXPECT_EQ(state.ancestor(thread(30), 2)->comm, "init");
    EXPECT_EQ(state.ancestor(thread(30), 3), nullptr);
}

TEST_F(Process, NothingKnownIsAnUnknownThread) {
    const Context& c = apply(R"({"type":"getuid","pid":77})");
    EXPECT_TRUE(c.thread->unknown);
    EXPECT_EQ(c.thread->comm, "<NA>");
    EXPECT_EQ(c.thread->uid, kUnknownId);
    EXPECT_EQ(state.counters().unknown_threads, 1u);
}

TEST_F(Process, AThreadNumberOfAnotherProcessIsNotBelieved) {
    fork(1, 20);
    exec(20, "/bin/victim", R"(,"comm":"victim")");
    fork(1, 30);
    EXPECT_EQ(apply(R"({"type":"getuid","origin":"shim","pid":30,"tid":20})").thread->pid, 30);
    state.finish();
    EXPECT_EQ(thread(20).pid, 20);
}

TEST_F(Process, ChainsOfReusedNumbersEnd) {
    run(R"({"kind":"birth","type":"clone","origin":"notify","pid":50,"result":51})");
    run(R"({"kind":"birth","type":"clone","origin":"notify","pid":51,"result":50})");
    EXPECT_EQ(state.ancestor(thread(50), 100000), nullptr);
    const Thread* leader = state.session_leader(thread(50));
    EXPECT_TRUE(leader == nullptr || leader->pid == 50 || leader->pid == 51);
    run(R"({"kind":"exit","type":"procexit","pid":50,"params":{"reaper_tid":0}})");
}

}  // namespace
}  // namespace undercoat::state
