// Words come with the kernel's word for who spoke; whatever else is in a message is refused or cut.
#include "supervisor/instrument/image_word.h"

#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace undercoat::instrument {
namespace {

using namespace std::string_literals;

struct Texts {
    std::string exe = "/usr/bin/true", cwd = "/tmp", name = "/bin/true", argv = "true\0a b\0"s, envp = "A=1\0B=2\0"s;
};

wire::ImageWord head_of(const Texts& t) {
    wire::ImageWord w{};
    w.head = {wire::kRingMagic, wire::kAbi, static_cast<uint32_t>(wire::WordKind::image), 1};
    const auto size = [](const std::string& text) { return static_cast<uint32_t>(text.size()); };
    w.exe = size(t.exe), w.cwd = size(t.cwd), w.name = size(t.name), w.argv = size(t.argv), w.envp = size(t.envp);
    return w;
}

std::string message(const wire::ImageWord& w, const Texts& t) {
    return std::string(reinterpret_cast<const char*>(&w), sizeof w) + t.exe + t.cwd + t.name + t.argv + t.envp;
}

TEST(ImageWord, SaysWhatItHolds) {
    const Texts t;
    std::string m = message(head_of(t), t);
    ToldImage image;
    ASSERT_TRUE(parse_word(m.data(), m.size(), image));
    EXPECT_EQ(image.exe, t.exe);
    EXPECT_EQ(image.cwd, t.cwd);
    EXPECT_EQ(image.name, t.name);
    EXPECT_EQ(image.argv, t.argv);
    EXPECT_EQ(image.envp, t.envp);
}

TEST(ImageWord, HidesWhatWeHaveAdded) {
    Texts t;
    t.envp = "A=1\0LD_PRELOAD=/o/lib/libshim.so\0UNDERCOAT_ADDED=pm\0UNDERCOAT_MEET=/run/m\0"s;
    std::string m = message(head_of(t), t);
    ToldImage image;
    ASSERT_TRUE(parse_word(m.data(), m.size(), image));
    EXPECT_EQ(image.envp, "A=1\0"s);
}

TEST(ImageWord, RefusesLengthsThatDoNotAddUp) {
    const Texts t;
    ToldImage image;
    const auto refused = [&](auto change) {
        wire::ImageWord w = head_of(t);
        change(w);
        std::string m = message(w, t);
        return !parse_word(m.data(), m.size(), image);
    };
    EXPECT_TRUE(refused([](auto& w) { w.head.magic = 0; }));
    EXPECT_TRUE(refused([](auto& w) { w.head.abi++; }));
    EXPECT_TRUE(refused([](auto& w) { w.exe++; }));
    EXPECT_TRUE(refused([](auto& w) { w.envp--; }));
    EXPECT_TRUE(refused([](auto& w) { w.argv = UINT32_MAX; }));
    EXPECT_TRUE(refused([](auto& w) { w.cwd = UINT32_MAX, w.name += 1; }));
    for (size_t n = 0; n < sizeof(wire::ImageWord); n += 7) {
        std::vector<char> part(n);
        EXPECT_FALSE(parse_word(part.data(), n, image));
    }
    Texts long_path;
    long_path.exe.assign(wire::kMaxPath + 1, 'x');
    std::string m = message(head_of(long_path), long_path);
    EXPECT_FALSE(parse_word(m.data(), m.size(), image));
}

class Sockets : public testing::Test {
protected:
    void SetUp() override {
        char dir[] = "/tmp/uc-word-XXXXXX";
        ASSERT_NE(mkdtemp(dir), nullptr);
        place_ = std::string(dir) + "/meet";
        ASSERT_TRUE(words_.open(place_));
        address_.sun_family = AF_UNIX;
        strcpy(address_.sun_path, (place_ + wire::kWordSuffix).c_str());
        sender_.reset(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    }
    void TearDown() override {
        words_.close();
        EXPECT_NE(access(address_.sun_path, F_OK), 0);
        rmdir(place_.substr(0, place_.rfind('/')).c_str());
    }
    ssize_t send(const std::string& m) {
        return sendto(sender_.get(), m.data(), m.size(), MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&address_), sizeof address_);
    }
    std::vector<std::pair<pid_t, std::string>> heard() {
        std::vector<std::pair<pid_t, std::string>> all;
        words_.receive({[&](pid_t pid, const ToldImage& image) { all.emplace_back(pid, image.name); },
                        [&](pid_t pid, pid_t ppid, const uint8_t* record, size_t n) {
                            all.emplace_back(pid, std::to_string(ppid) + std::string(reinterpret_cast<const char*>(record), n));
                        }});
        return all;
    }
    std::string place_;
    WordSocket words_;
    sockaddr_un address_{};
    UniqueFd sender_;
};

TEST_F(Sockets, TheKernelSaysWhoSpoke) {
    const Texts t;
    const std::string m = message(head_of(t), t);
    const pid_t child = fork();
    if (child == 0) _exit(send(m) == static_cast<ssize_t>(m.size()) ? 0 : 1);
    int status = -1;
    ASSERT_EQ(waitpid(child, &status, 0), child);  // it need not live any more
    ASSERT_EQ(status, 0);
    EXPECT_EQ(heard(), (std::vector<std::pair<pid_t, std::string>>{{child, t.name}}));
}

TEST_F(Sockets, WhatIsNoWordIsPassedOver) {
    const Texts t;
    const std::string m = message(head_of(t), t);
    ASSERT_GT(send("x"), 0);
    ASSERT_GT(send(std::string(wire::kMostWord + 1, 'x')), 0);
    ASSERT_GT(send(m), 0);
    EXPECT_EQ(heard(), (std::vector<std::pair<pid_t, std::string>>{{getpid(), t.name}}));
    EXPECT_TRUE(heard().empty());
}

TEST_F(Sockets, ARecordIsHandedOnAsItCame) {
    const wire::WordHead head{wire::kRingMagic, wire::kAbi, static_cast<uint32_t>(wire::WordKind::record), 77};
    ASSERT_GT(send(std::string(reinterpret_cast<const char*>(&head), sizeof head) + " record"), 0);
    EXPECT_EQ(heard(), (std::vector<std::pair<pid_t, std::string>>{{getpid(), "77 record"}}));
}

TEST_F(Sockets, KeepsNoDescriptorThatSomebodySends) {
    const Texts t;
    std::string m = message(head_of(t), t);
    int pipes[2];
    ASSERT_EQ(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
    iovec part{m.data(), m.size()};
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    msghdr h{&address_, sizeof address_, &part, 1, control, sizeof control, 0};
    cmsghdr* c = CMSG_FIRSTHDR(&h);
    *c = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(c), &pipes[1], sizeof(int));
    ASSERT_GT(sendmsg(sender_.get(), &h, 0), 0);
    close(pipes[1]);
    EXPECT_EQ(heard().size(), 1u);
    char byte;
    EXPECT_EQ(read(pipes[0], &byte, 1), 0);  // nobody holds the other end
    close(pipes[0]);
}

}  // namespace
}  // namespace undercoat::instrument
