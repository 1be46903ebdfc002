// Whole captures: events of each version, enters joined with exits, containers, and what is not understood.
#include "supervisor/scap/capture.h"
#include "tests/support/capture_writer.h"

#include <gtest/gtest.h>

namespace undercoat::scap {
namespace {

using test::ByteText;
using test::bytes_of;
using test::CaptureWriter;
using test::text_param;
using wire::Call;

Bytes view(const std::string& s) { return {reinterpret_cast<const uint8_t*>(s.data()), s.size()}; }

struct Replay {
    explicit Replay(const std::string& given) : bytes(given), state(capture_options({})), capture(Input::of(view(bytes)), "f", state) {}
    // False at the end, and where something is wrong (then error says what).
    bool next() {
        if (applied) state.finish();
        const Result<bool> more = capture.next(e);
        if (!more) error = more.error();
        applied = more && *more;
        if (applied) state.apply(e);
        return applied;
    }
    std::string name() { return state.context().fd != nullptr ? state.context().fd->name : "?"; }
    std::string bytes, error;
    state::State state;
    Capture capture;
    event::Event e;
    bool applied = false;
};

TEST(Capture, SeedsStateAndJoinsEntersWithExits) {
    Replay r(test::sample_capture());
    ASSERT_TRUE(r.next()) << r.error;
    EXPECT_STREQ("open", r.e.name());
    EXPECT_EQ(2u, r.e.num);  // the enter counts
    EXPECT_EQ(20, r.e.pid);
    EXPECT_EQ("/etc/y", r.name());
    EXPECT_EQ("cat /x", r.state.context().thread->cmdline());
    EXPECT_EQ("ann", r.state.user(5)->name);
    ASSERT_TRUE(r.next());
    EXPECT_EQ(3, r.e.param("fd").number);  // from the enter
    EXPECT_EQ(80, r.e.param("size").number);
    EXPECT_EQ("hello", r.e.param("data").text);
    EXPECT_EQ("/etc/x", r.name());
    EXPECT_EQ(5, r.e.result);
    ASSERT_TRUE(r.next());
    EXPECT_EQ("127.0.0.1:10000->127.0.0.1:80", event::to_text(*r.e.param("tuple").tuple));
    ASSERT_TRUE(r.next());
    EXPECT_TRUE(r.e.is(Call::container));
    EXPECT_EQ("abc", r.state.container_of(*r.state.context().thread)->id);
    EXPECT_FALSE(r.next());
    EXPECT_EQ("", r.error);
    EXPECT_EQ("", r.capture.complaints());
}

TEST(Capture, NameAtTheEnterGoesBeforeThatAtTheExit) {
    CaptureWriter w;
    w.section().processes(9, {{}});
    w.event(2, 2, 1, {text_param("/asked"), bytes_of(uint32_t{1}), bytes_of(uint32_t{0})});
    w.event(2, 3, 1, {bytes_of(int64_t{4}), text_param("/swapped"), bytes_of(uint32_t{1}), bytes_of(uint32_t{0})});
    w.event(2, 2, 1, {text_param("<NA>"), bytes_of(uint32_t{1}), bytes_of(uint32_t{0})});
    w.event(2, 3, 1, {bytes_of(int64_t{4}), text_param("/read"), bytes_of(uint32_t{1}), bytes_of(uint32_t{0})});
    Replay r(w.bytes);
    ASSERT_TRUE(r.next());
    EXPECT_EQ("/asked", r.name());
    ASSERT_TRUE(r.next());
    EXPECT_EQ("/read", r.name());
}

TEST(Capture, EventBetweenEnterAndExitPartsNothing) {
    CaptureWriter w;
    w.section().processes(9, {{}});
    w.event(1, 6, 1, {bytes_of(int64_t{7}), bytes_of(uint32_t{80})});
    w.event(1, 152, 1, {bytes_of(int64_t{0}), bytes_of(uint64_t{0}), bytes_of(uint64_t{0}), bytes_of(uint32_t{1}),
                        bytes_of(uint32_t{2}), bytes_of(uint32_t{3})});
    w.event(1, 7, 1, {bytes_of(int64_t{1}), "x"}, true, 3);
    Replay r(w.bytes);
    ASSERT_TRUE(r.next());
    EXPECT_STREQ("switch", r.e.name());
    ASSERT_TRUE(r.next());
    EXPECT_EQ(7, r.e.param("fd").number);
    EXPECT_EQ(3, r.e.cpu);
}

TEST(Capture, OlderWriterKnewFewerParameters) {
    CaptureWriter w;
    w.section().processes(1, {{}});
    w.event(1, 3, 1, {bytes_of(int64_t{-2}), text_param("/none"), bytes_of(uint32_t{1}), bytes_of(uint32_t{0})});
    Replay r(w.bytes);
    ASSERT_TRUE(r.next()) << r.error;
    EXPECT_EQ(-2, r.e.result);
    EXPECT_EQ("/none", r.e.param("name").text);
    EXPECT_FALSE(r.e.param("ino").present());
}

TEST(Capture, GenericCallIsNamedByTheKernelsNumber) {
    CaptureWriter w;
    w.section().processes(9, {{}});
    w.event(2, 0, 1, {bytes_of(uint16_t{4242}), bytes_of(uint16_t{28})});  // madvise
    w.event(2, 1, 1, {bytes_of(uint16_t{4242})});
    w.event(2, 1, 1, {bytes_of(uint16_t{4243})});
    Replay r(w.bytes);
    ASSERT_TRUE(r.next());
    EXPECT_STREQ("madvise", r.e.name());
    ASSERT_TRUE(r.next());
    EXPECT_STREQ("syscall", r.e.name());
    EXPECT_EQ(4243, r.e.param("ID").number);
}

TEST(Capture, ChildOfAnUnlistedParentIsWhatItsEventSays) {
    CaptureWriter w;
    w.section().processes(9, {{}});
    std::vector<std::string> clone = {bytes_of(int64_t{0}), text_param("sh"), text_param("-c"), bytes_of(int64_t{31}),
                                      bytes_of(int64_t{31}), bytes_of(int64_t{30}), text_param("/w")};
    w.event(2, 223, 31, clone);
    Replay r(w.bytes);
    ASSERT_TRUE(r.next());
    EXPECT_STREQ("clone", r.e.name());
    const state::Thread& t = *r.state.context().thread;
    EXPECT_EQ("sh -c", t.exeline());
    EXPECT_EQ(30, t.ppid);
    EXPECT_EQ("/w", t.cwd);
}

TEST(Capture, ListThatContradictsItselfLeavesNoThreadWithoutItsProcess) {
    CaptureWriter w;
    w.section().processes(9, {{5, 3, 0}, {7, 5, 0}, {3, 5, 0}, {5, 3, 0}, {7, 3, 0}, {3, 3, 0}, {5, 5, 0}});
    w.processes(9, {{7, 5, 0}, {5, 7, 0}, {3, 7, 0}, {7, 3, 0}});
    Replay r(w.bytes);
    EXPECT_FALSE(r.next());
    r.state.each_thread([&](const state::Thread& t) {
        EXPECT_TRUE(t.main().is_main()) << t.tid;
        EXPECT_EQ(&t.main(), r.state.thread(t.pid)) << t.tid;
    });
}

TEST(Capture, EndOfAThreadLeavesItsProcess) {
    CaptureWriter w;
    w.section().processes(9, {{}, {2, 1, 0}});
    w.event(2, 186, 2, {bytes_of(int64_t{0})});
    w.event(2, 186, 1, {bytes_of(int64_t{0})});
    Replay r(w.bytes);
    ASSERT_TRUE(r.next());
    r.state.finish();
    r.applied = false;
    EXPECT_EQ(nullptr, r.state.thread(2));
    ASSERT_NE(nullptr, r.state.thread(1));
    EXPECT_FALSE(r.state.thread(1)->dead);
    ASSERT_TRUE(r.next());
    EXPECT_EQ(event::Kind::exit, r.e.kind);
}

TEST(Capture, CgroupNamesTheContainerAndMetadataComesLater) {
    const std::string id(64, 'a');
    CaptureWriter w;
    w.section().processes(9, {{}, {5, 5, 1, "sh", "sh", "", "/", "cpu=/docker/" + id + std::string(1, '\0')}});
    w.event(2, 5, 5, {bytes_of(int64_t{0})});
    w.event(2, 272, 0, {text_param(R"({"container":{"id":"aaaaaaaaaaaa","image":"nginx:1","imagerepo":"nginx","type":0}})")});
    w.event(2, 5, 5, {bytes_of(int64_t{0})});
    w.event(2, 5, 1, {bytes_of(int64_t{0})});
    Replay r(w.bytes);
    ASSERT_TRUE(r.next());
    const auto container = [&] { return r.state.container_of(*r.state.context().thread); };
    EXPECT_EQ("aaaaaaaaaaaa", container()->id);
    EXPECT_EQ(id, container()->full_id);
    EXPECT_EQ("", container()->repository);
    ASSERT_TRUE(r.next());
    ASSERT_TRUE(r.next());
    EXPECT_EQ("nginx", container()->repository);
    EXPECT_EQ(id, container()->full_id);
    ASSERT_TRUE(r.next());
    EXPECT_TRUE(container()->host);
}

TEST(Capture, WhatIsNotUnderstoodIsCounted) {
    CaptureWriter w;
    w.section().processes(9, {{}});
    w.block(0x999, "x");
    w.event(2, 60000, 1, {});
    w.block(0x216, "short");
    w.event(2, 5, 1, {"abc"});  // three bytes are no result
    Replay r(w.bytes);
    ASSERT_TRUE(r.next());
    EXPECT_FALSE(r.e.has_result);
    EXPECT_FALSE(r.next());
    EXPECT_EQ("", r.error);
    EXPECT_EQ(1u, r.capture.counters().skipped.at(0x999));
    EXPECT_EQ(1u, r.capture.event_counters().unknown_codes);
    EXPECT_EQ(1u, r.capture.event_counters().malformed);
    EXPECT_EQ(1u, r.capture.event_counters().unreadable_params);
    EXPECT_NE(std::string::npos, r.capture.complaints().find("1 blocks of the unknown type 0x999"));
}

TEST(Capture, DamageIsToldWithItsPlace) {
    CaptureWriter w;
    w.section().event(2, 5, 1, {bytes_of(int64_t{0})});
    const std::string cut = w.bytes.substr(0, w.bytes.size() - 1);
    Replay r(cut);
    EXPECT_FALSE(r.next());
    EXPECT_EQ("f:28: the capture ends within a block of 52 bytes.", r.error);
    EXPECT_FALSE(r.next());  // once is enough
}

TEST(Capture, WrongBeginningsAreSaid) {
    const std::pair<std::string, std::string> cases[] = {
        {CaptureWriter().event(2, 5, 1, {}).bytes, "f:0: a capture begins with a section header, and this is none."},
        {CaptureWriter().section(2).bytes, "f:0: the capture has version 2.2; known is 1.x."},
        {CaptureWriter().block(0x0a0d0d0a, std::string("\x1a\x2b\x3c\x4d", 4)).bytes,
         "f:0: the capture was written on a machine of the other byte order."},
        {ByteText().put(uint32_t{0x0a0d0d0a}).put(uint32_t{3}).bytes, "f:0: a block cannot have 3 bytes."},
    };
    for (const auto& [bytes, message] : cases) {
        Replay r(bytes);
        EXPECT_FALSE(r.next());
        EXPECT_EQ(message, r.error);
    }
}

TEST(Capture, EveryPrefixAndEveryFlippedByteIsSurvived) {
    const std::string whole = test::sample_capture();
    for (size_t n = 0; n <= whole.size(); ++n) {
        Replay r(whole.substr(0, n));
        while (r.next()) {}
    }
    for (size_t i = 0; i < whole.size(); ++i) {
        std::string damaged = whole;
        damaged[i] = static_cast<char>(damaged[i] ^ 0xff);
        Replay r(damaged);
        unsigned n = 0;
        while (r.next()) ASSERT_LT(++n, 100u);
    }
}

TEST(Capture, EntersOfManyThreadsAreForgottenRatherThanKept) {
    CaptureWriter w;
    w.section();
    for (int64_t tid = 1; tid <= 9000; ++tid) w.event(2, 6, tid, {bytes_of(int64_t{3}), bytes_of(uint32_t{1})});
    Replay r(w.bytes);
    EXPECT_FALSE(r.next());
    EXPECT_EQ(8193u, r.capture.event_counters().forgotten_enters);
}

}  // namespace
}  // namespace undercoat::scap
