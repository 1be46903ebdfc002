// Events of a file: all good lines go through state and sink, bad ones are said.
#include "supervisor/pipeline/replay.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace undercoat::pipeline {
namespace {

struct Recorded {
    std::vector<std::string> names, ids;
    std::vector<uint64_t> numbers;
    int stopped = 0;
};

struct Recorder : state::Sink {
    explicit Recorder(Recorded& r) : to(r) {}
    state::Interest interest() const override { return {}; }
    state::Verdict on_event(const event::Event& e, state::State& s) override {
        const state::Context& c = s.context();
        to.names.push_back(c.fd ? c.fd->name : "");
        to.ids.push_back(e.id.text());
        to.numbers.push_back(e.num);
        return state::Verdict::noted;
    }
    bool commit() override { return true; }
    void stop() override { ++to.stopped; }
    Recorded& to;
};

class ReplayTest : public ::testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/undercoat-replay-XXXXXX";
        directory = ::mkdtemp(name);
    }
    void TearDown() override { std::filesystem::remove_all(directory); }
    int run(const std::string& text) {
        std::ofstream(directory + "/events") << text;
        return replay(directory + "/events", {}, make(), log());
    }
    std::function<std::unique_ptr<state::Sink>(state::State&)> make() {
        return [this](state::State&) { return std::make_unique<Recorder>(seen); };
    }
    std::function<void(const std::string&)> log() {
        return [this](const std::string& m) { messages.push_back(m); };
    }
    static std::string open(const std::string& path, const std::string& id = "") {
        return "{" + (id.empty() ? "" : "\"id\":\"" + id + "\",") +
               R"("type":"openat","pid":7,"ts":1700000000000000001,"result":5,"params":{"fd":5,"dirfd":-100,"name":")" + path +
               R"(","flags":1,"mode":0}})" + "\n";
    }
    std::string directory;
    Recorded seen;
    std::vector<std::string> messages;
};

TEST_F(ReplayTest, EachLineIsAnEventWithItsState) {
    EXPECT_EQ(run(open("/etc/passwd", "3:10") + "\n" + open("/etc/shadow")), 0);
    EXPECT_EQ(seen.names, (std::vector<std::string>{"/etc/passwd", "/etc/shadow"}));
    EXPECT_EQ(seen.ids, (std::vector<std::string>{"3:10", "0:3"})) << "without an id: its line";
    EXPECT_EQ(seen.numbers, (std::vector<uint64_t>{1, 2}));
    EXPECT_EQ(seen.stopped, 1);
    EXPECT_TRUE(messages.empty());
}

TEST_F(ReplayTest, ABadLineIsSaidWithItsNumberAndTheRestIsEvaluated) {
    EXPECT_EQ(run(open("/1") + "{\"type\":\n" + open("/2") + "[]\n" + std::string("\0\xff\n", 3) + open("/3")), 1);
    EXPECT_EQ(seen.names, (std::vector<std::string>{"/1", "/2", "/3"}));
    ASSERT_EQ(messages.size(), 3u);
    EXPECT_NE(messages[0].find("events:2: "), std::string::npos) << messages[0];
    EXPECT_NE(messages[1].find("events:4: "), std::string::npos) << messages[1];
    EXPECT_NE(messages[2].find("events:5: "), std::string::npos) << messages[2];
    EXPECT_EQ(seen.stopped, 1);
}

TEST_F(ReplayTest, AMissingFileIsSaid) {
    EXPECT_EQ(replay(directory + "/none", {}, make(), log()), 1);
    ASSERT_EQ(messages.size(), 1u);
    EXPECT_NE(messages[0].find("/none"), std::string::npos);
    EXPECT_EQ(seen.stopped, 0);
}

TEST_F(ReplayTest, AnEmptyFileIsNoError) {
    EXPECT_EQ(run(""), 0);
    EXPECT_EQ(seen.stopped, 1);
}

}  // namespace
}  // namespace undercoat::pipeline
