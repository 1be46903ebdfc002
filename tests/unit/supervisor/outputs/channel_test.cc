// The queue before a channel: order, another try, what is counted when it is full or at the end.
#include "supervisor/outputs/channel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace undercoat::outputs {
namespace {

using namespace std::chrono_literals;

// Answers as told, and remembers what it took. Its queue's thread and the test meet in the mutex.
class Scripted : public Channel {
public:
    struct Log {
        std::mutex mutex;
        std::condition_variable changed;
        std::vector<std::string> seen;
        std::deque<Delivery> answers;  // empty: taken
        bool open = true;              // false: deliver() waits
        unsigned reopened = 0;

        bool wait_for(const std::function<bool()>& condition) {
            std::unique_lock lock(mutex);
            return changed.wait_for(lock, 10s, condition);
        }
    };
    explicit Scripted(Log& log) : log_(log) {}
    Delivery deliver(const Message& m) override {
        std::unique_lock lock(log_.mutex);
        log_.changed.wait(lock, [&] { return log_.open; });
        log_.seen.push_back(m.line);
        Delivery d;
        if (!log_.answers.empty()) d = log_.answers.front(), log_.answers.pop_front();
        log_.changed.notify_all();
        return d;
    }
    void reopen() override {
        std::lock_guard lock(log_.mutex);
        ++log_.reopened;
        log_.changed.notify_all();
    }

private:
    Log& log_;
};

std::shared_ptr<const Message> message(const std::string& line) {
    auto m = std::make_shared<Message>();
    m->line = line;
    return m;
}

class ChannelQueueTest : public testing::Test {
protected:
    std::unique_ptr<ChannelQueue> make(ChannelQueue::Limits limits) {
        return std::make_unique<ChannelQueue>("test", std::make_unique<Scripted>(log), limits,
                                              [this](const std::string& m) {
                                                  std::lock_guard lock(log.mutex);
                                                  said.push_back(m);
                                              });
    }
    void open(bool on) {
        std::lock_guard lock(log.mutex);
        log.open = on;
        log.changed.notify_all();
    }
    Scripted::Log log;
    std::vector<std::string> said;
};

TEST_F(ChannelQueueTest, DeliversInOrderAndAgainUntilTaken) {
    log.answers = {Delivery::taken(), Delivery::again("x"), Delivery::again("x"), Delivery::taken(),
                   Delivery::refused("no")};
    auto q = make({10, 1ms, 2ms, 5000ms});
    for (const char* line : {"a", "b", "c", "d"}) EXPECT_TRUE(q->push(message(line)));
    EXPECT_TRUE(log.wait_for([&] { return log.seen.size() == 6; }));
    q.reset();
    EXPECT_EQ(log.seen, (std::vector<std::string>{"a", "b", "b", "b", "c", "d"}));
    EXPECT_EQ(said.size(), 4u);  // in trouble, works again, refuses, works again
}

TEST_F(ChannelQueueTest, AFullQueueDropsTheNewAndCounts) {
    open(false);
    auto q = make({2, 1ms, 2ms, 5000ms});
    EXPECT_TRUE(q->push(message("a")));
    EXPECT_TRUE(q->push(message("b")));
    EXPECT_FALSE(q->push(message("c")));
    EXPECT_FALSE(q->push(message("d")));
    EXPECT_EQ(q->counters().dropped, 2u);
    EXPECT_EQ(q->counters().waiting, 2u);
    open(true);
    EXPECT_TRUE(log.wait_for([&] { return log.seen.size() == 2; }));
    q.reset();
    EXPECT_EQ(log.seen, (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(said.size(), 1u);
}

TEST_F(ChannelQueueTest, WhatIsLeftAtTheEndIsSaid) {
    for (int i = 0; i < 1000; ++i) log.answers.push_back(Delivery::again("away"));
    auto q = make({10, 5ms, 5ms, 20ms});
    q->push(message("a"));
    q->push(message("b"));
    q.reset();
    ASSERT_EQ(said.size(), 2u);
    EXPECT_EQ(said[1], "output test: 2 alerts could not be delivered");
}

TEST_F(ChannelQueueTest, AReopenEndsThePauseAfterAnError) {
    log.answers = {Delivery::again("x")};
    auto q = make({10, 3600s, 3600s, 10ms});
    q->push(message("a"));
    EXPECT_TRUE(log.wait_for([&] { return log.seen.size() == 1; }));
    q->reopen();
    EXPECT_TRUE(log.wait_for([&] { return log.seen.size() == 2 && log.reopened == 1; }));
}

}  // namespace
}  // namespace undercoat::outputs
