// Literals of each type, and what is refused.
#include "rules/sema/literal.h"

#include <gtest/gtest.h>

namespace undercoat::rules {
namespace {

TEST(Literal, NegativeWrapsAtTheWidthOfAnUnsignedType) {
    EXPECT_EQ(parse_literal(FieldType::uint32, "-1")->u64(), 4294967295u);
    EXPECT_EQ(parse_literal(FieldType::port, "-1")->u64(), 65535u);
    EXPECT_EQ(parse_literal(FieldType::uint64, "-1")->u64(), ~uint64_t{0});
    EXPECT_EQ(parse_literal(FieldType::int64, "-1")->i64(), -1);
}

TEST(Literal, NumbersAreDecimalOrHex) {
    EXPECT_EQ(parse_literal(FieldType::uint64, "0x1F")->u64(), 31u);
    for (const char* bad : {"", "-", "0x", "1.0", "12a", "99999999999999999999"})
        EXPECT_FALSE(parse_literal(FieldType::int64, bad)) << bad;
    EXPECT_EQ(parse_literal(FieldType::int64, "-9223372036854775808")->i64(), INT64_MIN);
    EXPECT_FALSE(parse_literal(FieldType::int64, "9223372036854775808"));
}

TEST(Literal, PortsHaveServiceNames) {
    EXPECT_EQ(parse_literal(FieldType::port, "https")->u64(), 443u);
    EXPECT_FALSE(parse_literal(FieldType::uint16, "https"));
}

TEST(Literal, NumbersFitTheWidthOfTheType) {
    EXPECT_TRUE(fits(FieldType::uint32, *parse_literal(FieldType::uint32, "4294967295")));
    EXPECT_TRUE(fits(FieldType::uint32, *parse_literal(FieldType::uint32, "-1")));
    EXPECT_FALSE(fits(FieldType::uint32, *parse_literal(FieldType::uint32, "5000000000")));
    EXPECT_FALSE(fits(FieldType::port, *parse_literal(FieldType::port, "65536")));
    EXPECT_TRUE(fits(FieldType::int16, *parse_literal(FieldType::int16, "-32768")));
    EXPECT_FALSE(fits(FieldType::int16, *parse_literal(FieldType::int16, "32768")));
    EXPECT_TRUE(fits(FieldType::uint64, *parse_literal(FieldType::uint64, "18446744073709551615")));
}

TEST(Literal, AddressesAndNetworks) {
    EXPECT_TRUE(parse_literal(FieldType::ip, "::1")->ip().v6);
    EXPECT_FALSE(parse_literal(FieldType::ip, "127.0.0.1/8"));
    auto net = parse_literal(FieldType::net, "10.1.0.0/12");
    ASSERT_TRUE(net);
    EXPECT_TRUE(net->net().contains(*IpAddress::parse("10.15.255.255")));
    EXPECT_FALSE(net->net().contains(*IpAddress::parse("10.16.0.0")));
    EXPECT_FALSE(net->net().contains(*IpAddress::parse("::ffff:10.1.0.1")));
    EXPECT_TRUE(parse_literal(FieldType::net, "0.0.0.0/0")->net().contains(*IpAddress::parse("255.1.2.3")));
    for (const char* bad : {"10.0.0.0/33", "10.0.0.0/", "10.0.0/8", "::/129", "x"})
        EXPECT_FALSE(parse_literal(FieldType::net, bad));
}

TEST(Literal, OnlyBytesMayHoldNul) {
    EXPECT_FALSE(parse_literal(FieldType::text, std::string_view("a\0b", 3)));
    EXPECT_TRUE(parse_literal(FieldType::bytes, std::string_view("a\0b", 3)));
}

TEST(Literal, EveryTypeHasAName) {
    for (int t = 0; t <= static_cast<int>(FieldType::dynamic); ++t)
        EXPECT_FALSE(to_string(static_cast<FieldType>(t)).empty());
}

}  // namespace
}  // namespace undercoat::rules
