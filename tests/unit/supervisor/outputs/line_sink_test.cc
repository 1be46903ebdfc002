// Lines come out whole and in order, whatever the disk does, and the writer never waits for long.
#include "supervisor/outputs/line_sink.h"

#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace undercoat::outputs {
namespace {

using namespace std::chrono_literals;

std::string content(const std::string& path) {
    std::ifstream in(path);
    std::stringstream s;
    s << in.rdbuf();
    return s.str();
}

class LineSinkTest : public ::testing::Test {
protected:
    void SetUp() override {
        char name[] = "/tmp/undercoat-lines-XXXXXX";
        directory = ::mkdtemp(name);
        path = directory + "/lines";
    }
    void TearDown() override { std::filesystem::remove_all(directory); }
    LineSink::Warn warn() {
        return [this](const std::string& m) {
            std::lock_guard lock(mutex);
            warnings.push_back(m);
        };
    }
    size_t warned() {
        std::lock_guard lock(mutex);
        return warnings.size();
    }
    std::string directory, path;
    std::mutex mutex;
    std::vector<std::string> warnings;
};

TEST_F(LineSinkTest, WritesInOrder) {
    auto file = open_for_lines(path);
    ASSERT_TRUE(file);
    std::string all;
    {
        LineSink sink(file->release(), true, path, warn());
        for (int i = 0; i < 1000; ++i) {
            const std::string line = "line " + std::to_string(i) + "\n";
            sink.append(line);
            all += line;
            EXPECT_TRUE(i % 10 != 0 || sink.commit());
        }
        EXPECT_TRUE(sink.commit());
        EXPECT_EQ(content(path), all);
    }
    EXPECT_EQ(warned(), 0u);
}

TEST_F(LineSinkTest, CutsAnIncompleteLastLine) {
    std::ofstream(path) << "whole\nhal";
    auto file = open_for_lines(path);
    ASSERT_TRUE(file);
    EXPECT_EQ(content(path), "whole\n");
    std::ofstream(path) << "no end at all";
    ASSERT_TRUE(open_for_lines(path));
    EXPECT_EQ(content(path), "");
}

TEST_F(LineSinkTest, SaysWhatIsWrongWithThePath) {
    auto file = open_for_lines(directory + "/missing/file");
    ASSERT_FALSE(file);
    EXPECT_NE(file.error().find("/missing/file"), std::string::npos);
    EXPECT_NE(file.error().find("No such file"), std::string::npos);
}

TEST_F(LineSinkTest, FullDeviceIsSaidOnceAndNothingIsLostWhenItIsReplaced) {
    LineSink sink(::open("/dev/full", O_WRONLY | O_CLOEXEC), true, "/dev/full", warn());
    sink.append("one\n");
    EXPECT_FALSE(sink.commit());
    const auto until = std::chrono::steady_clock::now() + 5s;
    while (warned() == 0 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    EXPECT_EQ(warned(), 1u);
    EXPECT_GE(sink.write_errors(), 1u);
    sink.append("two\n");
    sink.commit();
    auto file = open_for_lines(path);
    ASSERT_TRUE(file);
    sink.replace(file->release());
    while (content(path) != "one\ntwo\n" && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    EXPECT_EQ(content(path), "one\ntwo\n");
}

TEST_F(LineSinkTest, AReaderThatDoesNotReadDelaysNobody) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
    UniqueFd reader(ends[0]);
    LineSink::Limits limits;
    limits.bytes = 200 * 1024;
    limits.wait = 20ms;
    LineSink sink(ends[1], true, "a pipe", warn(), limits);
    const std::string line(1023, 'x');
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 1000; ++i) {
        sink.append(line + "\n");
        if (i % 100 == 99) sink.commit();
    }
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 5s);
    EXPECT_GT(sink.lines_dropped(), 0u);
    EXPECT_LT(sink.lines_dropped(), 1000u);
}

// A pipe that holds one page, with what is read from it.
struct SmallPipe {
    UniqueFd reader, writer;
    SmallPipe() {
        int ends[2];
        EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
        reader.reset(ends[0]), writer.reset(ends[1]);
        EXPECT_GE(::fcntl(ends[0], F_SETPIPE_SZ, 4096), 4096);
        EXPECT_EQ(::fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
    }
    std::string read() {
        std::string all;
        char buffer[4096];
        for (ssize_t n; (n = ::read(reader.get(), buffer, sizeof buffer)) > 0;) all.append(buffer, static_cast<size_t>(n));
        return all;
    }
};

std::string line_of(int i, size_t size) {
    std::string s = std::to_string(i) + " ";
    s.resize(size - 1, 'x');
    return s + "\n";
}

template <class Condition>
bool within(Condition condition, std::chrono::seconds limit = 10s) {
    const auto until = std::chrono::steady_clock::now() + limit;
    while (!condition())
        if (std::chrono::steady_clock::now() > until) return false;
        else std::this_thread::yield();
    return true;
}

TEST_F(LineSinkTest, ASlowReaderGetsEverythingAndIsToldOf) {
    SmallPipe p;
    LineSink sink(p.writer.release(), true, "a pipe", warn());
    std::string all, got;
    for (int i = 0; i < 100; ++i) {
        EXPECT_TRUE(sink.append(line_of(i, 1000)));
        all += line_of(i, 1000);
    }
    EXPECT_FALSE(sink.commit());
    EXPECT_EQ(sink.appended(), all.size());
    EXPECT_LE(sink.written(), 4096u);
    EXPECT_TRUE(within([&] { return (got += p.read()).size() == all.size(); }));
    EXPECT_EQ(got, all);
    EXPECT_TRUE(sink.commit());
    EXPECT_EQ(sink.written(), all.size());
    EXPECT_EQ(warned(), 0u);
}

TEST_F(LineSinkTest, AReaderThatTakesNothingIsWaitedForOnce) {
    SmallPipe p;
    LineSink::Limits limits;
    limits.wait = 400ms;
    LineSink sink(p.writer.release(), true, "a pipe", warn(), limits);
    for (int i = 0; i < 100; ++i) sink.append(line_of(i, 1000));
    ASSERT_TRUE(within([&] { return sink.commit(), sink.written() == 4000; }));
    sink.commit();
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 100; ++i) EXPECT_FALSE(sink.commit());
    EXPECT_LT(std::chrono::steady_clock::now() - begin, 4s);
}

TEST_F(LineSinkTest, ADescriptorThatBlocksHoldsUpNeitherTheEndNorHidesTheLoss) {
    SmallPipe p;
    {
        LineSink sink(p.writer.release(), true, "a pipe", warn());
        for (int i = 0; i < 10; ++i) sink.append(line_of(i, 1000));
    }
    ASSERT_EQ(warned(), 1u);
    EXPECT_NE(warnings[0].find("6 lines could not be written to a pipe"), std::string::npos) << warnings[0];
    EXPECT_EQ(p.read().size(), 4000u);
}

TEST_F(LineSinkTest, AnotherDescriptorTakesOverWhileThisOneBlocks) {
    SmallPipe p;
    const int old = p.writer.get();
    LineSink::Limits limits;
    limits.wait = 10ms;
    std::string all;
    LineSink sink(p.writer.release(), true, "a pipe", warn(), limits);
    for (int i = 0; i < 10; ++i) sink.append(line_of(i, 1000)), all += line_of(i, 1000);
    ASSERT_TRUE(within([&] { return sink.commit(), sink.written() == 4000; }));
    auto file = open_for_lines(path);
    ASSERT_TRUE(file);
    sink.replace(file->release());
    EXPECT_TRUE(within([&] { return sink.commit(); }));
    EXPECT_EQ(p.read() + content(path), all);
    EXPECT_TRUE(within([&] { return ::fcntl(old, F_GETFD) < 0; })) << "the old one is closed afterwards";
}

TEST_F(LineSinkTest, NoRoomIsToldAndTheLineIsNotCountedAsAppended) {
    SmallPipe p;
    LineSink::Limits limits;
    limits.bytes = 2500, limits.wait = 10ms;
    LineSink sink(p.writer.release(), true, "a pipe", warn(), limits);
    EXPECT_TRUE(sink.append(line_of(1, 1000)));
    EXPECT_TRUE(sink.append(line_of(2, 1000)));
    EXPECT_FALSE(sink.append(line_of(3, 1000)));
    EXPECT_EQ(sink.appended(), 2000u);
    EXPECT_EQ(sink.lines_dropped(), 1u);
    EXPECT_EQ(warned(), 1u);
    EXPECT_TRUE(within([&] { return sink.commit(); }));
    EXPECT_TRUE(sink.append(line_of(4, 1000)));
}

TEST_F(LineSinkTest, HalfALineIsKnownAsSuch) {
    SmallPipe p;
    uint64_t written = 7;
    uint32_t torn = 0;
    LineSink sink(p.writer.release(), true, "a pipe", warn());
    sink.report_progress({&written, &torn});
    EXPECT_TRUE(sink.keeps_torn_lines());
    const auto read = [](auto& word) { return __atomic_load_n(&word, __ATOMIC_SEQ_CST); };
    sink.append(line_of(1, 9000));
    EXPECT_FALSE(sink.commit());
    EXPECT_EQ(read(torn), 1u);
    EXPECT_EQ(read(written), 7u + 4096);
    size_t got = 0;
    EXPECT_TRUE(within([&] { return (got += p.read().size()) == 9000; }));
    EXPECT_TRUE(within([&] { return sink.commit() && read(torn) == 0; }));
    EXPECT_EQ(read(written), 7u + 9000);
    EXPECT_FALSE(LineSink(open_for_lines(path)->release(), true, path, warn()).keeps_torn_lines());
}

// What a kill -9 leaves in a pipe: whole lines, and all of them are counted.
TEST_F(LineSinkTest, AKillTearsNoLineOfAPipe) {
    auto* shared = static_cast<uint64_t*>(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    ASSERT_NE(shared, MAP_FAILED);
    for (int round = 0; round < 20; ++round) {
        SmallPipe p;
        *shared = 0;
        const pid_t child = ::fork();
        if (child == 0) {
            LineSink sink(p.writer.get(), false, "a pipe", [](const std::string&) {});
            sink.report_progress({shared, nullptr});
            for (int i = 0;; ++i) sink.append(line_of(i, 100 + static_cast<size_t>(i % 900))), sink.commit();
        }
        std::string got;
        EXPECT_TRUE(within([&] { return (got += p.read()).size() > 20000 + static_cast<size_t>(round) * 700; }));
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        got += p.read();
        EXPECT_EQ(got.back(), '\n');
        // Killed between the write and the count: at most one piece is missing there.
        EXPECT_LE(*shared, got.size());
        EXPECT_GE(*shared + 4096, got.size());
    }
    ::munmap(shared, 4096);
}

}  // namespace
}  // namespace undercoat::outputs
