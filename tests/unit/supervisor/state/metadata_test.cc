// The metadata endpoints, played by a local HTTP server that gives answers of their shapes, or misbehaves.
#include "supervisor/state/metadata.h"

#include "base/unique_fd.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include <atomic>
#include <functional>
#include <map>
#include <thread>

namespace undercoat::state {
namespace {

using namespace std::chrono_literals;

std::map<std::string, std::string> variables;
const char* get(const char* name) {
    const auto it = variables.find(name);
    return it == variables.end() ? nullptr : it->second.c_str();
}

constexpr const char* kContainer = R"({
  "DockerId": "0123456789abcdef0123456789abcdef-527074092", "Name": "web", "DockerName": "web",
  "Image": "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web:1.4", "ImageID": "sha256:25f3",
  "Labels": {"com.amazonaws.ecs.cluster": "shop", "team": "blue", "odd": 5},
  "DesiredStatus": "RUNNING", "Limits": {"CPU": 0}, "StartedAt": "2020-10-02T00:43:06.5Z", "Type": "NORMAL",
  "Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": ["10.0.0.61"]}]})";
constexpr const char* kTask = R"({
  "Cluster": "shop", "TaskARN": "arn:aws:ecs:eu-west-1:111122223333:task/shop/0123", "Family": "web", "Revision": "3",
  "ServiceName": "front", "AvailabilityZone": "eu-west-1b", "LaunchType": "FARGATE", "Containers": []})";

// Answers each request by `answer`, given the path; an empty answer means that none comes.
class Server {
public:
    explicit Server(std::function<std::string(const std::string&)> answer) : answer_(std::move(answer)) {
        listener_ = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in a{};
        a.sin_family = AF_INET;
        a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof a;
        EXPECT_EQ(bind(listener_.get(), reinterpret_cast<sockaddr*>(&a), size), 0);
        EXPECT_EQ(listen(listener_.get(), 8), 0);
        getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&a), &size);
        port = ntohs(a.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ~Server() {
        stop_ = true;
        thread_.join();
    }
    std::string host() const { return "127.0.0.1:" + std::to_string(port); }
    uint16_t port = 0;
    std::atomic<int> asked{0};

private:
    void serve() {
        while (!stop_) {
            pollfd p{listener_.get(), POLLIN, 0};
            if (poll(&p, 1, 10) <= 0) continue;
            UniqueFd fd(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            char request[2048];
            const ssize_t n = recv(fd.get(), request, sizeof request, 0);
            if (n <= 0) continue;
            const std::string text(request, static_cast<size_t>(n));
            ++asked;
            const std::string reply = answer_(text.substr(4, text.find(' ', 4) - 4));
            if (reply.empty()) held_.push_back(std::move(fd));
            else (void)send(fd.get(), reply.data(), reply.size(), MSG_NOSIGNAL);
        }
    }
    std::function<std::string(const std::string&)> answer_;
    UniqueFd listener_;
    std::vector<UniqueFd> held_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

std::string ok(const std::string& body) { return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" + body; }

bool take_within(Metadata& m, Container& c, std::chrono::milliseconds limit = 10s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < end) {
        if (m.take(c)) return true;
        poll(nullptr, 0, 5);
    }
    return false;
}

void ecs_at(const Server& s) { variables = {{"ECS_CONTAINER_METADATA_URI_V4", "http://" + s.host() + "/v4/0123-5270"}}; }

TEST(Metadata, EcsTellsContainerAndTask) {
    Server s([](const std::string& path) { return ok(path == "/v4/0123-5270" ? kContainer : path == "/v4/0123-5270/task" ? kTask : "{}"); });
    ecs_at(s);
    Metadata m(get);
    Container c;
    ASSERT_TRUE(take_within(m, c));
    EXPECT_EQ(c.id, "0123456789ab");
    EXPECT_EQ(c.name, "web");
    EXPECT_EQ(c.repository, "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web");
    EXPECT_EQ(c.tag, "1.4");
    EXPECT_EQ(c.image_id, "sha256:25f3");
    EXPECT_EQ(c.ip, "10.0.0.61");
    EXPECT_EQ(c.start_ts, 1601599386500000000u);
    EXPECT_EQ(c.labels["team"], "blue");
    EXPECT_EQ(c.labels["ecs.service"], "front");
    EXPECT_FALSE(c.labels.contains("odd"));
    EXPECT_FALSE(m.take(c));
}

TEST(Metadata, CloudRunTellsInstanceProjectAndRegion) {
    Server s([](const std::string& path) {
        if (path == "/computeMetadata/v1/instance/id") return ok("00bf4bf02d0123456789abcd");
        if (path == "/computeMetadata/v1/project/project-id") return ok("shop-1");
        return ok("projects/5/regions/europe-west1");
    });
    variables = {{"K_SERVICE", "front"}, {"GCE_METADATA_HOST", s.host()}};
    Metadata m(get);
    Container c;
    ASSERT_TRUE(take_within(m, c));
    EXPECT_EQ(c.id, "00bf4bf02d01");
    EXPECT_EQ(c.labels["cloudrun.project"], "shop-1");
    EXPECT_EQ(c.labels["cloudrun.region"], "europe-west1");
}

TEST(Metadata, AnEndpointThatFailsAtFirstIsAskedAgain) {
    std::atomic<int> n{0};
    Server s([&n](const std::string&) -> std::string {
        return ++n == 1 ? "HTTP/1.1 429 Too Many Requests\r\n\r\n" : n == 2 ? ok("no json") : ok(kContainer);
    });
    ecs_at(s);
    Metadata m(get, 1ms);
    Container c;
    EXPECT_TRUE(take_within(m, c));
    EXPECT_EQ(c.name, "web");
}

TEST(Metadata, AnswersWithoutEndAreGivenUp) {
    Server s([](const std::string&) { return ok("{\"DockerId\":\"" + std::string(300'000, 'a') + "\"}"); });
    ecs_at(s);
    Metadata m(get, 1ms);
    Container c;
    EXPECT_FALSE(take_within(m, c, 1s));
    EXPECT_GE(s.asked, 1);
}

TEST(Metadata, ASilentEndpointHoldsNobodyUp) {
    Server s([](const std::string&) { return std::string(); });
    ecs_at(s);
    auto m = std::make_unique<Metadata>(get);
    const auto end = std::chrono::steady_clock::now() + 10s;
    while (s.asked == 0 && std::chrono::steady_clock::now() < end) poll(nullptr, 0, 5);
    Container c;
    EXPECT_FALSE(m->take(c));
    const auto began = std::chrono::steady_clock::now();
    m.reset();
    EXPECT_LT(std::chrono::steady_clock::now() - began, 1500ms);
}

TEST(Metadata, WhatTheEnvironmentSaysWinsAndWithoutAPlatformNobodyIsAsked) {
    Server s([](const std::string&) { return ok(kContainer); });
    ecs_at(s);
    Metadata m(get);
    Container c;
    c.image = "mine:2", c.repository = "mine", c.tag = "2";
    ASSERT_TRUE(take_within(m, c));
    EXPECT_EQ(c.repository, "mine");
    variables = {{"ECS_CONTAINER_METADATA_URI_V4", "http://name.example/v4"}};
    Metadata none(get);
    EXPECT_FALSE(none.take(c));
}

TEST(Metadata, WhatIsNoAnswerIsRefused) {
    Container c;
    for (const char* text : {"", "[]", "{}", "{\"DockerId\":5}", "{\"DockerId\":\"\"}", "{"}) EXPECT_FALSE(take_ecs_container(text, c)) << text;
    EXPECT_FALSE(take_ecs_task("{\"Cluster\":\"x\"}", c));
    EXPECT_TRUE(take_ecs_container(R"({"DockerId":"a","StartedAt":"soon","Labels":[],"Networks":[{},5,{"IPv4Addresses":[]}]})", c));
    EXPECT_EQ(c.start_ts, 0u);
}

}  // namespace
}  // namespace undercoat::state
