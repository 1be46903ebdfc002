// Targets, queries, cookies and addresses of services.
#include "net/http.h"
#include "net/client.h"

#include <gtest/gtest.h>

namespace undercoat::net {
namespace {

TEST(Target, IsSplitAndDecoded) {
    Request r;
    ASSERT_TRUE(parse_target("/a%20b/c?x=1&y=%41", r));
    EXPECT_EQ(r.path, "/a b/c");
    EXPECT_EQ(r.query, "x=1&y=%41");
}

TEST(Target, IsRefusedWhereItIsNone) {
    Request r;
    for (const char* bad : {"", "x", "http://h/", "/%", "/%4", "/%zz", "/%00"})
        EXPECT_FALSE(parse_target(bad, r)) << bad;
    EXPECT_FALSE(parse_target("/" + std::string(9000, 'a'), r));
}

TEST(Pairs, AreDecodedAndBounded) {
    const auto p = parse_pairs("a=1+2&b=%3D&c&=d&bad=%x&e=");
    ASSERT_EQ(p.size(), 5U);
    EXPECT_EQ(p[0], (std::pair<std::string, std::string>("a", "1 2")));
    EXPECT_EQ(p[1].second, "=");
    EXPECT_EQ(p[2], (std::pair<std::string, std::string>("c", "")));
    std::string many;
    for (int i = 0; i < 1000; ++i) many += "a=b&";
    EXPECT_EQ(parse_pairs(many).size(), 100U);
}

TEST(Cookie, IsFoundByItsWholeName) {
    Request r;
    r.headers = {{"Cookie", "xsession=1; session=2;session=3"}};
    EXPECT_EQ(r.cookie("session"), "2");
    EXPECT_EQ(r.cookie("sess"), "");
    EXPECT_EQ(r.header("cookie"), r.headers[0].second);
}

TEST(UrlOfAService, IsTakenApart) {
    auto u = parse_url("https://[::1]:8443/x/y");
    ASSERT_TRUE(u);
    EXPECT_EQ(u->host, "::1");
    EXPECT_EQ(u->port, "8443");
    EXPECT_EQ(u->target, "/x/y");
    EXPECT_TRUE(u->tls);
    for (const char* bad : {"ftp://x", "http://", "http://u:p@h/", "http://h:x/"}) EXPECT_FALSE(parse_url(bad)) << bad;
}

}  // namespace
}  // namespace undercoat::net
