// The socket to instrument: descriptors arrive, bad messages do not hurt, its end is told once.
#include "supervisor/ingest/agent_link.h"
#include "tests/unit/supervisor/support/ring_fixture.h"

#include <cstring>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

namespace undercoat::ingest {
namespace {

struct Ends {
    UniqueFd theirs;
    AgentLink link;
    static Ends make() {
        int pair[2];
        EXPECT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        return {UniqueFd(pair[0]), AgentLink(UniqueFd(pair[1]))};
    }
    void send(const void* data, size_t n, std::initializer_list<int> fds = {}) {
        iovec io{const_cast<void*>(data), n};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 8)] = {};
        msghdr m{};
        m.msg_iov = &io;
        m.msg_iovlen = 1;
        if (fds.size() != 0) {
            m.msg_control = control;
            m.msg_controllen = CMSG_SPACE(sizeof(int) * fds.size());
            cmsghdr* c = CMSG_FIRSTHDR(&m);
            c->cmsg_level = SOL_SOCKET;
            c->cmsg_type = SCM_RIGHTS;
            c->cmsg_len = CMSG_LEN(sizeof(int) * fds.size());
            std::memcpy(CMSG_DATA(c), fds.begin(), sizeof(int) * fds.size());
        }
        ASSERT_EQ(sendmsg(theirs.get(), &m, 0), static_cast<ssize_t>(n));
    }
    void send(wire::AgentMessageKind kind, std::initializer_list<int> fds = {}) {
        const wire::AgentMessage m{static_cast<uint32_t>(kind), 3, 9, 0};
        send(&m, sizeof m, fds);
    }
};

TEST(AgentLink, DeliversDescriptors) {
    Ends e = Ends::make();
    const UniqueFd a = test::sealed_memfd(64), b = test::sealed_memfd(64);
    e.send(wire::AgentMessageKind::hello, {a.get(), b.get()});
    const auto got = e.link.receive();
    ASSERT_TRUE(got);
    EXPECT_FALSE(got->malformed);
    EXPECT_TRUE(got->fds[0] && got->fds[1]);
    EXPECT_TRUE(fcntl(got->fds[0].get(), F_GETFD) & FD_CLOEXEC);
    EXPECT_EQ(got->message.slot, 3u);
    EXPECT_FALSE(e.link.receive());
}

TEST(AgentLink, MissingDescriptorsAndWrongSizesAreMalformed) {
    Ends e = Ends::make();
    e.send(wire::AgentMessageKind::ring);
    EXPECT_TRUE(e.link.receive()->malformed);
    e.send("abc", 3);
    EXPECT_TRUE(e.link.receive()->malformed);
    e.send(wire::AgentMessageKind::stop);
    EXPECT_FALSE(e.link.receive()->malformed);
}

TEST(AgentLink, TellsTheEndOnce) {
    Ends e = Ends::make();
    e.theirs.reset();
    EXPECT_TRUE(e.link.receive()->closed);
    EXPECT_FALSE(e.link.receive());
    EXPECT_FALSE(e.link.send(wire::AgentMessageKind::ready));
}

}  // namespace
}  // namespace undercoat::ingest
