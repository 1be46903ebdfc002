// Socket addresses from hostile bytes, and Falco's forms of them.
#include "supervisor/event/address.h"

#include <arpa/inet.h>
#include <cstring>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

namespace undercoat::event {
namespace {

sockaddr_in v4(const char* ip, uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    inet_pton(AF_INET, ip, &a.sin_addr);
    return a;
}

TEST(Address, PrintsIpAndPort) {
    const sockaddr_in a = v4("10.1.2.3", 443);
    EXPECT_EQ(to_text(parse_sockaddr(&a, sizeof a)), "10.1.2.3:443");
    sockaddr_in6 b{};
    b.sin6_family = AF_INET6;
    b.sin6_port = htons(80);
    inet_pton(AF_INET6, "::1", &b.sin6_addr);
    EXPECT_EQ(to_text(parse_sockaddr(&b, sizeof b)), "::1:80");
    EXPECT_EQ(to_text(Tuple{parse_sockaddr(&b, sizeof b), parse_sockaddr(&b, sizeof b)}), "::1:80->::1:80");
}

TEST(Address, RefusesWhatIsTooShort) {
    const sockaddr_in a = v4("10.1.2.3", 443);
    for (size_t n = 0; n < 8; ++n) EXPECT_EQ(parse_sockaddr(&a, n).family, Address::Family::none) << n;
    EXPECT_EQ(parse_sockaddr(&a, 8).family, Address::Family::ipv4);
}

TEST(Address, UnixPathsEndAtTheirLength) {
    sockaddr_un u{};
    u.sun_family = AF_UNIX;
    std::memset(u.sun_path, 'x', sizeof u.sun_path);
    EXPECT_EQ(parse_sockaddr(&u, sizeof u).path.size(), sizeof u.sun_path);
    EXPECT_EQ(parse_sockaddr(&u, 2).path, "");
    EXPECT_EQ(parse_sockaddr(&u, 5).path, "xxx");
    u.sun_path[0] = '\0';
    EXPECT_EQ(parse_sockaddr(&u, 6).path, "xxx");
}

TEST(Address, KnowsTheWildcard) {
    const sockaddr_in any = v4("0.0.0.0", 1), one = v4("0.0.0.1", 1);
    EXPECT_TRUE(parse_sockaddr(&any, sizeof any).is_any());
    EXPECT_FALSE(parse_sockaddr(&one, sizeof one).is_any());
}

}  // namespace
}  // namespace undercoat::event
