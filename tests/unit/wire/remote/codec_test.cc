// Messages survive the way through a frame; frames that are not honest are refused without harm.
#include "wire/remote/codec.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <zstd.h>

namespace undercoat::remote {
namespace {

Alert alert(uint64_t number) {
    Alert a;
    a.number = number;
    a.time_ns = 1'700'000'000'000'000'000 + number;
    a.severity = 4;
    a.rule = "Rule";
    a.source = "syscall";
    a.hostname = "host";
    a.message = "something happened";
    a.tags = {"T1059", "shell"};
    a.fields = R"({"proc.name":"sh"})";
    a.context = "{}";
    return a;
}

std::string compressed(const std::string& plain) {
    std::string out(ZSTD_compressBound(plain.size()), '\0');
    out.resize(ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), 1));
    return out;
}

TEST(Codec, MessagesOfAgentsComeBackAsTheyWere) {
    Codec codec;
    Hello hello;
    hello.version = "1", hello.hostname = "h", hello.mode = "full", hello.tags = {"a:b"},
    hello.platform = {{"kernel", "6.1"}};
    hello.started_ns = 5;
    Batch batch{0xfedcba9876543210, 3, {alert(1), alert(7)}};
    Heartbeat heartbeat{9, {{"drops", 2}}, "v1", "full"};
    for (const Up& up :
         {Up{"id", hello}, Up{"id", batch}, Up{"id", heartbeat}, Up{"id", RulesStatus{"v2", "bad", false}}}) {
        auto frame = codec.encode(up);
        ASSERT_TRUE(frame);
        auto back = codec.decode_up(*frame);
        ASSERT_TRUE(back) << back.error();
        EXPECT_EQ(*back, up);
    }
}

TEST(Codec, MessagesOfCollectorsComeBackAsTheyWere) {
    Codec codec;
    for (const Down& down : {Down{"id", Welcome{1, 30, "s"}}, Down{"id", Ack{1, 2, 3}},
                             Down{"id", Rules{"v", {{"a.yaml", "- rule: x"}}, "proc.name = a"}}}) {
        auto back = codec.decode_down(*codec.encode(down));
        ASSERT_TRUE(back) << back.error();
        EXPECT_EQ(*back, down);
    }
}

TEST(Codec, PartsAreCountedBeforeTheyBecomeObjects) {
    Codec codec;
    std::string alerts;
    for (size_t i = 0; i < kMaxPlain / 2 - 100; ++i) alerts.append("\x1a\x00", 2);
    const auto frame = codec.encode_batch("a", 1, 1, alerts);
    ASSERT_TRUE(frame);
    rusage before{}, after{};
    ::getrusage(RUSAGE_SELF, &before);
    EXPECT_FALSE(codec.decode_up(*frame));
    ::getrusage(RUSAGE_SELF, &after);
    EXPECT_LT(after.ru_maxrss - before.ru_maxrss, 64 * 1024) << "KiB";
    Hello many;
    many.tags.assign(300, "t"), many.platform.assign(300, {"a", "b"});
    const auto cut = codec.decode_up(*codec.encode(Up{"id", many}));
    ASSERT_TRUE(cut) << "what is too much is left out, and the agent is heard: " << cut.error();
    EXPECT_EQ(std::get<Hello>(cut->what).tags.size(), kMaxPairs);
    EXPECT_FALSE(codec.decode_up(*codec.encode_batch("a", 1, kStreams, ""))) << "there is no such stream";
}

TEST(Codec, ABatchOfReadyAlertsIsTheSameAsABatch) {
    Codec codec;
    auto frame = codec.encode_batch("id", 5, 2, encode_alert(alert(1)) + encode_alert(alert(2)));
    ASSERT_TRUE(frame);
    auto back = codec.decode_up(*frame);
    ASSERT_TRUE(back) << back.error();
    EXPECT_EQ(*back, (Up{"id", Batch{5, 2, {alert(1), alert(2)}}}));
}

TEST(Codec, TextsAreMadeValidAndCutBeforeTheyAreSent) {
    Codec codec;
    Alert a = alert(1);
    a.message = std::string(kMaxText + 10, 'x');
    a.rule = "\xff\x1b[31m";
    a.fields = "{\"\xff\":1}";
    auto back = codec.decode_up(*codec.encode_batch("id", 1, 1, encode_alert(a)));
    ASSERT_TRUE(back) << back.error();
    const Alert& b = std::get<Batch>(back->what).alerts.at(0);
    EXPECT_EQ(b.message.size(), kMaxText);
    EXPECT_EQ(b.rule, "\xef\xbf\xbd\xef\xbf\xbd[31m");
    EXPECT_EQ(b.fields, "{}");
}

TEST(Codec, NumbersThatDoNotRiseAreRefused) {
    Codec codec;
    EXPECT_FALSE(codec.decode_up(*codec.encode(Up{"id", Batch{1, 1, {alert(2), alert(2)}}})));
    EXPECT_FALSE(codec.decode_up(*codec.encode(Up{"id", Batch{1, 1, {alert(2), alert(1)}}})));
    EXPECT_FALSE(codec.decode_up(*codec.encode(Up{"id", Batch{1, 1, {alert(0)}}})));
}

TEST(Codec, EveryCutOffFrameIsRefused) {
    Codec codec;
    const std::string frame = *codec.encode(Up{"id", Batch{1, 1, {alert(1), alert(2)}}});
    for (size_t n = 0; n < frame.size(); ++n) EXPECT_FALSE(codec.decode_up(std::string_view(frame).substr(0, n))) << n;
    EXPECT_FALSE(codec.decode_up(frame + "x"));
    EXPECT_TRUE(codec.decode_up(frame));
}

TEST(Codec, ABombIsRefused) {
    Codec codec;
    const std::string bomb = compressed(std::string(64 << 20, '\0'));
    ASSERT_LT(bomb.size(), kMaxFrame);
    auto refused = codec.decode_up(bomb);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().find("limit"), std::string::npos);
}

TEST(Codec, TextThatIsNoUtf8IsRefused) {
    Codec codec;
    // Up{agent="\xff", batch{}} by hand.
    EXPECT_FALSE(codec.decode_up(compressed(std::string("\x0a\x01\xff\x1a\x00", 5))));
    EXPECT_TRUE(codec.decode_up(compressed(std::string("\x0a\x01z\x1a\x00", 5))));
}

}  // namespace
}  // namespace undercoat::remote
