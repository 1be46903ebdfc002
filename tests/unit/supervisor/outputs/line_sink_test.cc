// Lines come out whole and in order, whatever the disk does, and the writer never waits for long.
#include "supervisor/outputs/line_sink.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <sstream>
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

}  // namespace
}  // namespace undercoat::outputs
