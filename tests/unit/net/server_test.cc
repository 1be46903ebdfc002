// What a client can hold of the server, and for how long: each limit by its counter.
#include "net/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>
#include <mutex>
#include <thread>

namespace undercoat::net {
namespace {

using namespace std::chrono_literals;

class ServerTest : public testing::Test {
protected:
    void start(std::chrono::milliseconds idle, std::chrono::milliseconds patience = 60s, unsigned most = 32) {
        ServerSettings s;
        s.address = "127.0.0.1", s.idle = idle, s.patience = patience, s.max_connections = most;
        ServerHandlers h;
        h.http = [this](Request, Respond r) {
            std::lock_guard lock(mutex_);
            never_answered_.push_back(std::move(r));
        };
        auto started = Server::start(s, std::move(h));
        ASSERT_TRUE(started) << started.error();
        server_ = std::move(*started);
    }
    int connect(const std::string& text) {
        const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in to{};
        to.sin_family = AF_INET, to.sin_port = htons(server_->port()), to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
        EXPECT_EQ(::write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
        return fd;
    }
    static std::string rest(int fd) {
        std::string all;
        char part[1024];
        for (ssize_t n; (n = ::read(fd, part, sizeof part)) > 0;) all.append(part, static_cast<size_t>(n));
        ::close(fd);
        return all;
    }
    template <class Condition>
    bool becomes(Condition condition) {
        for (const auto end = std::chrono::steady_clock::now() + 60s; std::chrono::steady_clock::now() < end; std::this_thread::yield())
            if (condition(server_->counters())) return true;
        return false;
    }
    size_t asked() {
        std::lock_guard lock(mutex_);
        return never_answered_.size();
    }
    std::mutex mutex_;
    std::vector<Respond> never_answered_;
    std::unique_ptr<Server> server_;
};

const std::string kRequest = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

TEST_F(ServerTest, AnAnswerThatDoesNotComeIsNotWaitedForForEver) {
    start(50ms);
    EXPECT_NE(rest(connect(kRequest)).find(" 503 "), std::string::npos);
    EXPECT_EQ(server_->counters().timeouts, 1U);
    EXPECT_TRUE(becomes([](const ServerCounters& c) { return c.open == 0; }));
}

TEST_F(ServerTest, AClientThatLeavesGivesItsPlaceBack) {
    start(1h);
    const int fd = connect(kRequest);
    EXPECT_TRUE(becomes([this](const ServerCounters&) { return asked() == 1; }));
    ::close(fd);
    EXPECT_TRUE(becomes([](const ServerCounters& c) { return c.open == 0; }));
}

TEST_F(ServerTest, ConnectionsBeyondTheLimitAreClosedAndCounted) {
    start(1h, 60s, 1);
    const int first = connect(kRequest);
    EXPECT_TRUE(becomes([](const ServerCounters& c) { return c.open == 1; }));
    EXPECT_EQ(rest(connect("")), "");
    EXPECT_EQ(server_->counters().refused_full, 1U);
    ::close(first);
}

TEST_F(ServerTest, WhoSaysNothingIsClosedAndCounted) {
    start(1h, 50ms);
    EXPECT_EQ(rest(connect("GET / HTTP/1.1\r\nHost:")), "");
    EXPECT_TRUE(becomes([](const ServerCounters& c) { return c.timeouts == 1; }));
}

}  // namespace
}  // namespace undercoat::net
