// The loop, with a test as instrument and a sink that says what is safe: tails follow that, and nothing else.
#include "supervisor/pipeline/pipeline.h"
#include "tests/unit/supervisor/support/ring_fixture.h"

#include <gtest/gtest.h>

#include <cstring>
#include <mutex>
#include <stdexcept>
#include <sys/socket.h>
#include <thread>

namespace undercoat::pipeline {
namespace {

using namespace std::chrono_literals;
using test::RecordBuilder;
using wire::AgentMessageKind;

// What the sink has seen, and what it is to say. Shared by the pipeline's thread and the test.
struct Outputs {
    std::mutex mutex;
    std::string paths;
    std::atomic<size_t> seen{0}, commits{0}, marks{0}, stops{0};
    std::atomic<bool> safe{true}, mark_reached{false}, throws{false};
};

struct TestSink : state::Sink {
    explicit TestSink(Outputs& o) : out(o) {}
    state::Interest interest() const override {
        state::Interest i;
        i.calls.set(event::type_of(wire::Call::open));
        return i;
    }
    state::Verdict on_event(const event::Event& e, state::State&) override {
        {
            std::lock_guard lock(out.mutex);
            out.paths += e.captured.path[0];
        }
        ++out.seen;
        if (out.throws) throw std::runtime_error("a stage gave up");
        return state::Verdict::noted;
    }
    bool commit() override { return ++out.commits, out.safe; }
    void mark() override { ++out.marks; }
    bool reached_mark() override { return out.mark_reached; }
    void stop() override { ++out.stops; }
    Outputs& out;
};

class PipelineTest : public ::testing::Test {
protected:
    void TearDown() override {
        out.safe = true;
        requests.stop = true;
        if (thread.joinable()) thread.join();
    }
    void start() {
        int pair[2];
        ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        socket.reset(pair[0]);
        Settings settings;
        settings.state.read_proc = false;
        settings.log = [this](const std::string& m) {
            std::lock_guard lock(out.mutex);
            messages.push_back(m);
        };
        pipeline = std::make_unique<Pipeline>(UniqueFd(pair[1]), settings);
        EXPECT_EQ(pipeline->alert_journal(), nullptr);
        thread = std::thread([this] {
            status = pipeline->run([this](state::State&) { return std::make_unique<TestSink>(out); }, requests);
            ended = true;
        });
    }
    void send(AgentMessageKind kind, std::initializer_list<int> fds, uint32_t slot = 0) {
        const wire::AgentMessage m{static_cast<uint32_t>(kind), slot, 100 + slot, 0};
        iovec io{const_cast<wire::AgentMessage*>(&m), sizeof m};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 2)] = {};
        msghdr h{};
        h.msg_iov = &io, h.msg_iovlen = 1;
        if (fds.size() != 0) {
            h.msg_control = control, h.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
            cmsghdr* c = CMSG_FIRSTHDR(&h);
            c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_RIGHTS, c->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
            std::memcpy(CMSG_DATA(c), fds.begin(), sizeof(int) * fds.size());
        }
        ASSERT_EQ(sendmsg(socket.get(), &h, 0), static_cast<ssize_t>(sizeof m));
    }
    void greet() {
        start();
        send(AgentMessageKind::hello, {registry.fd(), trap.fd.get()});
        ASSERT_TRUE(within([&] { return __atomic_load_n(&registry.get().ready, __ATOMIC_ACQUIRE) == 1; }));
    }
    static RecordBuilder open(const char* path, uint32_t pid = 60) {
        return RecordBuilder::call(wire::Call::open).from(pid).result(3).args({1, 0, 0}).text(wire::Tag::path, 0, path);
    }
    uint64_t tail(uint32_t slot = 0) { return __atomic_load_n(&registry.get().slots[slot].tail, __ATOMIC_ACQUIRE); }
    template <class Condition>
    static bool within(Condition condition) {
        const auto until = std::chrono::steady_clock::now() + 10s;
        while (!condition())
            if (std::chrono::steady_clock::now() > until) return false;
            else std::this_thread::yield();
        return true;
    }
    // Until the loop has gone round twice: whatever it was going to do with what is there, it has done.
    void turns() {
        const uint64_t beat = __atomic_load_n(&registry.get().supervisor_beat, __ATOMIC_ACQUIRE);
        ASSERT_TRUE(within([&] { return __atomic_load_n(&registry.get().supervisor_beat, __ATOMIC_ACQUIRE) >= beat + 3; }));
    }
    std::string paths() {
        std::lock_guard lock(out.mutex);
        return out.paths;
    }
    size_t message_count() {
        std::lock_guard lock(out.mutex);
        return messages.size();
    }

    test::TestRegistry registry;
    test::TestRing trap = registry.make_ring(0, 0, 256);
    Outputs out;
    std::vector<std::string> messages;
    Requests requests;
    UniqueFd socket;
    std::unique_ptr<Pipeline> pipeline;
    std::atomic<int> status{-1};
    std::atomic<bool> ended{false};
    std::thread thread;
};

TEST_F(PipelineTest, RecordsReachTheSinkAndTheTailFollows) {
    greet();
    trap.write(open("a")), trap.write(open("b"));
    EXPECT_TRUE(within([&] { return tail() == trap.head(); }));
    EXPECT_EQ(paths(), "ab");
    EXPECT_EQ(out.marks, 0u);
    EXPECT_FALSE(pipeline->restarted());
    EXPECT_EQ(pipeline->alert_journal()->written, 0u);
}

TEST_F(PipelineTest, TheTailStaysWhileASlowOutputHasNotWritten) {
    out.safe = false;
    greet();
    trap.write(open("a"));
    ASSERT_TRUE(within([&] { return out.seen == 1; }));
    turns();
    EXPECT_EQ(tail(), 0u);
    EXPECT_EQ(out.marks, 1u);
    const size_t commits = out.commits;
    turns();
    EXPECT_GT(out.commits, commits) << "it is asked again though nothing new has come";
    out.safe = true;
    EXPECT_TRUE(within([&] { return tail() == trap.head(); }));
}

TEST_F(PipelineTest, AnOutputThatNeverCatchesUpIsFollowedFromMarkToMark) {
    out.safe = false;
    greet();
    trap.write(open("a"));
    ASSERT_TRUE(within([&] { return out.marks == 1; }));
    const uint64_t marked = trap.head();
    trap.write(open("b"));
    ASSERT_TRUE(within([&] { return out.seen == 2; }));
    turns();
    EXPECT_EQ(tail(), 0u);
    out.mark_reached = true;
    EXPECT_TRUE(within([&] { return tail() >= marked; }));
    EXPECT_TRUE(within([&] { return out.marks >= 2; }));
}

TEST_F(PipelineTest, ARingThatIsHalfFullGoesOnAndIsCounted) {
    out.safe = false;
    greet();
    for (int i = 0; i < 1000; ++i) ASSERT_TRUE(within([&] { return trap.write(open("x")); })) << i;
    EXPECT_TRUE(within([&] { return out.seen == 1000; }));
    requests.stop = true;
    thread.join();
    EXPECT_GT(pipeline->ingest_counters()->given_way, 0u);
}

TEST_F(PipelineTest, AStageThatThrowsCostsOneEventOnly) {
    out.throws = true;
    greet();
    for (int i = 0; i < 20; ++i) trap.write(open("x"));
    EXPECT_TRUE(within([&] { return tail() == trap.head(); }));
    requests.stop = true;
    thread.join();
    EXPECT_EQ(pipeline->counters().exceptions, 20u);
    EXPECT_EQ(message_count(), 9u);
}

TEST_F(PipelineTest, StopDrainsWhatIsThereAndEnds) {
    greet();
    test::TestRing ring = registry.make_ring(1, 70);
    for (int i = 0; i < 20; ++i) ring.write(open("x"));
    send(AgentMessageKind::ring, {ring.fd.get()}, 1);
    send(AgentMessageKind::stop, {});
    ASSERT_TRUE(within([&] { return ended.load(); }));
    EXPECT_EQ(status, 0);
    EXPECT_EQ(out.seen, 20u);
    EXPECT_EQ(out.stops, 1u);
    EXPECT_EQ(tail(1), ring.head());
}

TEST_F(PipelineTest, TheEndWaitsForASlowOutputAndNotForever) {
    out.safe = false;
    greet();
    trap.write(open("a"));
    send(AgentMessageKind::stop, {});
    ASSERT_TRUE(within([&] { return ended.load(); }));
    EXPECT_EQ(status, 0);
    EXPECT_EQ(tail(), 0u);
    EXPECT_EQ(out.stops, 1u);
}

TEST_F(PipelineTest, InstrumentsEndIsAnEndToo) {
    greet();
    socket.reset();
    ASSERT_TRUE(within([&] { return ended.load(); }));
    EXPECT_EQ(status, 0);
    EXPECT_EQ(out.stops, 1u);
}

TEST_F(PipelineTest, WithoutHelloThereIsNothingToDo) {
    start();
    send(AgentMessageKind::ring, {trap.fd.get()}, 0);
    send(AgentMessageKind::stop, {});
    ASSERT_TRUE(within([&] { return ended.load(); }));
    EXPECT_EQ(status, 1);
    EXPECT_EQ(out.stops, 0u);
}

TEST_F(PipelineTest, BadMessagesAreSaidAndPassedOver) {
    start();
    send(AgentMessageKind::hello, {trap.fd.get(), trap.fd.get()});  // no registry
    ASSERT_TRUE(within([&] { return message_count() == 1; }));
    send(AgentMessageKind::hello, {registry.fd(), trap.fd.get()});
    send(static_cast<AgentMessageKind>(99), {});
    send(AgentMessageKind::ring, {trap.fd.get()}, wire::kMaxRings + 5);
    trap.write(open("a"));
    EXPECT_TRUE(within([&] { return out.seen == 1 && message_count() == 3; }));
}

TEST_F(PipelineTest, KnowsThatAnotherOneDiedBefore) {
    wire::count(registry.get(), wire::Counter::supervisor_restarts);
    greet();
    EXPECT_TRUE(pipeline->restarted());
}

TEST_F(PipelineTest, TheSinksInterestAndWhatTheStateNeedsReachTheRings) {
    greet();
    const auto wanted = [&](wire::Call c) { return wire::bit(trap.ring.control->wanted, event::type_of(c)); };
    EXPECT_TRUE(wanted(wire::Call::open));
    EXPECT_TRUE(wanted(wire::Call::execve));
    EXPECT_FALSE(wanted(wire::Call::mkdir));
}

}  // namespace
}  // namespace undercoat::pipeline
