// Events to alerts and event lines, with rules from a file: matching, formats, reload, restart, unwritable outputs.
#include "supervisor/outputs/engine.h"

#include "supervisor/event/json.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include <algorithm>
#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/stat.h>

namespace undercoat::outputs {
namespace {

namespace fs = std::filesystem;

constexpr char kRules[] =
    "- rule: Opened\n"
    "  desc: d\n"
    "  condition: evt.type = openat and fd.name startswith /etc\n"
    "  output: \"opened %fd.name by %proc.name %proc.aname[7]\"\n"
    "  priority: warning\n"
    "  tags: [z, a]\n";

class EngineTest : public ::testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/undercoat-engine-XXXXXX";
        directory = ::mkdtemp(name);
        write("rules.yaml", kRules);
        settings.rules.paths = {directory + "/rules.yaml"};
        settings.alerts = directory + "/alerts";
        settings.events = directory + "/events";
    }
    void TearDown() override { fs::remove_all(directory); }
    void write(const std::string& name, const std::string& text) { std::ofstream(directory + "/" + name) << text; }
    std::vector<std::string> lines(const std::string& name) {
        std::ifstream in(directory + "/" + name);
        std::vector<std::string> out;
        for (std::string line; std::getline(in, line);) out.push_back(line);
        return out;
    }
    actions::Log log() {
        return [this](actions::Severity severity, const std::string& m) {
            if (severity <= actions::Severity::warning) messages += m + "\n";
        };
    }
    static state::Options options() {
        state::Options o;
        o.read_proc = false;
        return o;
    }
    void send(Engine& engine, const std::string& path, uint64_t position) {
        const Status s = event::parse_json(
            R"({"id":"3:)" + std::to_string(position) + R"(","type":"openat","pid":7,"ts":1700000000000000001,"result":5,)"
                R"("params":{"fd":5,"dirfd":-100,"name":")" + path + R"(","flags":1,"mode":0}})",
            event);
        ASSERT_TRUE(s) << s.error();
        state.apply(event);
        engine.on_event(event, state);
        state.finish();
    }
    std::string directory, messages;
    EngineSettings settings;
    state::State state{options()};
    event::Event event;
};

TEST_F(EngineTest, WritesAlertsAndEvents) {
    Engine engine(settings, log());
    send(engine, "/etc/passwd", 10);
    send(engine, "/var/x", 20);
    engine.commit();
    ASSERT_EQ(lines("alerts").size(), 1u);
    const auto alert = boost::json::parse(lines("alerts")[0]).as_object();
    EXPECT_EQ(alert.at("rule"), "Opened");
    EXPECT_EQ(alert.at("tags"), (boost::json::array{"a", "z"}));
    EXPECT_EQ(alert.at("output_fields").at("fd.name"), "/etc/passwd");
    EXPECT_TRUE(alert.at("output_fields").at("proc.aname[7]").is_null());
    EXPECT_TRUE(alert.at("output_fields").as_object().contains("container.id"));
    const std::string output(alert.at("output").as_string());
    EXPECT_NE(output.find("Warning opened /etc/passwd by <NA> <NA> container_id="), output.npos) << output;
    EXPECT_NE(output.find(" k8s_ns_name=<NA>"), output.npos) << output;
    ASSERT_EQ(lines("events").size(), 2u);
    const auto line = boost::json::parse(lines("events")[0]).as_object();
    EXPECT_EQ(line.at("type"), "openat");
    EXPECT_EQ(line.at("id"), "3:10");
    EXPECT_EQ(line.at("fd.name"), "/etc/passwd");
    EXPECT_EQ(line.at("args").at("flags"), "O_RDONLY");
    EXPECT_EQ(messages, "");
}

TEST_F(EngineTest, ARestartWritesNothingTwice) {
    const auto journal = std::make_unique<wire::AlertJournal>();
    settings.journal = journal.get();
    {
        Engine engine(settings, log());
        send(engine, "/etc/passwd", 10);
        engine.commit();
    }
    std::ofstream(directory + "/events", std::ios::app) << "{\"id\":\"3:20\",\"ts\":17";  // killed while writing
    settings.resumed = true;
    Engine engine(settings, log());
    send(engine, "/etc/passwd", 10);
    send(engine, "/etc/passwd", 20);
    engine.commit();
    EXPECT_EQ(lines("alerts").size(), 2u);
    ASSERT_EQ(lines("events").size(), 2u);
    EXPECT_EQ(boost::json::parse(lines("events")[1]).at("id"), "3:20");
    EXPECT_EQ(engine.counters().duplicates, 2u);
}

TEST_F(EngineTest, ABadFileKeepsTheOldRules) {
    Engine engine(settings, log());
    write("rules.yaml", "- rule: Broken\n  desc: d\n  condition: evt.type = and\n  output: x\n  priority: info\n");
    engine.reload();
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (messages.empty() && std::chrono::steady_clock::now() < until) engine.tick(1);
    EXPECT_NE(messages.find("rules.yaml:3:"), std::string::npos) << messages;
    EXPECT_NE(messages.find("stay in use"), std::string::npos) << messages;
    EXPECT_FALSE(engine.interest_changed());
    send(engine, "/etc/passwd", 10);
    engine.commit();
    EXPECT_EQ(lines("alerts").size(), 1u);
}

TEST_F(EngineTest, AChangedFileIsUsed) {
    settings.events.clear();
    Engine engine(settings, log());
    EXPECT_TRUE(engine.interest().calls.test(event::type_of(wire::Call::openat)));
    write("rules.yaml", "- rule: Other\n  desc: d\n  condition: evt.type = mkdir and evt.res = SUCCESS\n  output: x\n  priority: info\n");
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    uint64_t now = 1;
    while (!engine.interest_changed() && std::chrono::steady_clock::now() < until) engine.tick(now += 50'000'000);
    EXPECT_FALSE(engine.interest().calls.test(event::type_of(wire::Call::openat)));
    EXPECT_TRUE(engine.interest().results.test(event::type_of(wire::Call::mkdir)));
}

TEST_F(EngineTest, UnwritableFilesAreSaidAndNothingStops) {
    settings.alerts = directory + "/no/such/alerts";
    settings.events = directory + "/no/such/events";
    settings.rules.paths.push_back(directory + "/missing.yaml");
    Engine engine(settings, log());
    EXPECT_NE(messages.find("/no/such/alerts"), std::string::npos) << messages;
    EXPECT_NE(messages.find("stderr instead"), std::string::npos) << messages;
    EXPECT_NE(messages.find("no event log"), std::string::npos) << messages;
    EXPECT_NE(messages.find("missing.yaml"), std::string::npos) << messages;
    send(engine, "/etc/passwd", 10);
    engine.commit();
    EXPECT_EQ(engine.counters().alerts, 1u);
}

// The alerts go to a pipe that is read only now and then.
struct FifoTest : EngineTest {
    void SetUp() override {
        EngineTest::SetUp();
        settings.events.clear();
        settings.format = Format::json;
        ASSERT_EQ(::mkfifo(settings.alerts.c_str(), 0600), 0);
        reader.reset(::open(settings.alerts.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
        ASSERT_GE(::fcntl(reader.get(), F_SETPIPE_SZ, 4096), 4096);
        settings.journal = journal.get();
    }
    std::string read() {
        std::string all;
        char buffer[4096];
        for (ssize_t n; (n = ::read(reader.get(), buffer, sizeof buffer)) > 0;) all.append(buffer, static_cast<size_t>(n));
        return all;
    }
    // Reads until everything is written.
    std::string read_all(Engine& engine) {
        std::string all;
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!engine.commit() && std::chrono::steady_clock::now() < until) all += read();
        return all + read();
    }
    UniqueFd reader;
    const std::unique_ptr<wire::AlertJournal> journal = std::make_unique<wire::AlertJournal>();
};

TEST_F(FifoTest, CommitTellsWhatWaitsAndTheMarkHowFarItIs) {
    Engine engine(settings, log());
    EXPECT_TRUE(engine.commit());
    for (uint64_t i = 1; i <= 20; ++i) send(engine, "/etc/passwd", i);
    EXPECT_FALSE(engine.commit());
    engine.mark();
    EXPECT_FALSE(engine.reached_mark());
    for (uint64_t i = 21; i <= 40; ++i) send(engine, "/etc/passwd", i);
    EXPECT_FALSE(engine.commit());
    std::string got;
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!engine.reached_mark() && std::chrono::steady_clock::now() < until) got += read(), engine.commit();
    EXPECT_GE(std::count(got.begin(), got.end(), '\n'), 14) << "the marked 20 but for what the pipe holds";
    got += read_all(engine);
    EXPECT_EQ(std::count(got.begin(), got.end(), '\n'), 40);
}

TEST_F(FifoTest, AfterADeathOnlyWhatWasNotWrittenComesAgain) {
    std::string got;
    {
        Engine engine(settings, log());
        for (uint64_t i = 1; i <= 20; ++i) send(engine, "/etc/passwd", i);
        engine.commit();
        // The end gives up on the reader, as a death would: most of the lines are lost.
    }
    got += read();
    const auto before = std::count(got.begin(), got.end(), '\n');
    EXPECT_GT(before, 0);
    EXPECT_LT(before, 20);
    settings.resumed = true;
    Engine engine(settings, log());
    for (uint64_t i = 1; i <= 20; ++i) send(engine, "/etc/passwd", i);
    got += read_all(engine);
    EXPECT_EQ(std::count(got.begin(), got.end(), '\n'), 20);
    EXPECT_EQ(engine.counters().duplicates, static_cast<uint64_t>(before));
}

TEST_F(FifoTest, HalfALineIsEndedBeforeTheNextAlert) {
    journal->torn = 1;
    settings.resumed = true;
    {
        Engine engine(settings, log());
        send(engine, "/etc/passwd", 1);
        const std::string got = read_all(engine);
        EXPECT_TRUE(got.starts_with("\n{")) << got;
        EXPECT_EQ(std::count(got.begin(), got.end(), '\n'), 2);
    }
    EXPECT_EQ(journal->torn, 0u);
    Engine engine(settings, log());
    send(engine, "/etc/passwd", 1);
    send(engine, "/etc/passwd", 2);
    const std::string got = read_all(engine);
    EXPECT_TRUE(got.starts_with("{")) << got;
    EXPECT_EQ(std::count(got.begin(), got.end(), '\n'), 1);
}

}  // namespace
}  // namespace undercoat::outputs
