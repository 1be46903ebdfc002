// The JSON form of events: what is written is read back, and bad lines are refused with a reason.
#include "supervisor/event/json.h"
#include "supervisor/event/decode.h"
#include "tests/unit/supervisor/support/record_builder.h"

#include <gtest/gtest.h>
#include <netinet/in.h>

namespace undercoat::event {
namespace {

using test::RecordBuilder;
using wire::Tag;

void decode_into(Event& e, const RecordBuilder& r) {
    const std::vector<uint8_t> bytes = r.bytes();
    ASSERT_EQ(decode(wire::RecordView(bytes.data(), bytes.size()), nullptr, RecordSource{{3, 64}, 0, 1234567890}, e),
              DecodeStatus::ok);
}

std::string json_of(const Event& e) {
    std::string s;
    append_json(e, s);
    return s;
}

void expect_round_trip(const RecordBuilder& r) {
    Event first, second;
    decode_into(first, r);
    const std::string text = json_of(first);
    const Status s = parse_json(text, second);
    ASSERT_TRUE(s) << s.error() << "\n" << text;
    EXPECT_EQ(json_of(second), text);
}

TEST(Json, WritesOneLine) {
    Event e;
    decode_into(e, RecordBuilder::call(Call::openat).from(5, 6).result(3).args({4294967196u, 1, 0, 0})
                       .text(Tag::path, 1, "/tmp/a\nb"));
    const std::string text = json_of(e);
    EXPECT_EQ(text.find('\n'), std::string::npos);
    EXPECT_NE(text.find("\"id\":\"3:64\""), std::string::npos);
    EXPECT_NE(text.find("\"name\":\"/tmp/a\\nb\""), std::string::npos);
    EXPECT_NE(text.find("\"dirfd\":-100"), std::string::npos);
}

TEST(Json, ReadsBackWhatItWrote) {
    expect_round_trip(RecordBuilder::call(Call::openat).from(5, 6).result(3).args({1, 2, 3, 4}).text(Tag::path, 1, "x"));
    expect_round_trip(RecordBuilder::call(Call::openat).from(5).result(-2).args({1}).text(Tag::path, 1, "\xff\x01")
                          .object(Tag::file, 1, wire::FileInfo{1, 2, 3, 1}).text(Tag::fd, 0, "/tmp"));
    wire::ProcInfo p{};
    p.pid = 7, p.exe_mtime = 1ull << 60;
    expect_round_trip(RecordBuilder::call(Call::execve).from(5).result(0).args({1, 2, 3}).text(Tag::path, 0, "/bin/x")
                          .text(Tag::argv, 0, std::string_view("x\0\xffz\0", 5)).text(Tag::envp, 0, std::string_view("A=1\0", 4))
                          .object(Tag::proc, 0, p).text(Tag::comm, 0, "x").text(Tag::cgroup, 0, "0::/\n"));
    sockaddr_in a{};
    a.sin_family = AF_INET, a.sin_port = 7;
    expect_round_trip(RecordBuilder::call(Call::connect).from(5).result(0).args({1, 2, 3}).object(Tag::sockaddr, 1, a)
                          .object(Tag::socket, 0, wire::SocketInfo{}));
    expect_round_trip(RecordBuilder(wire::RecordKind::birth).from(9).result(5).text(Tag::comm, 0, "sh"));
    const uint32_t children[2] = {1, 2};
    expect_round_trip(RecordBuilder(wire::RecordKind::exit).from(9).result(0).object(Tag::children, 0, children));
    expect_round_trip(RecordBuilder(wire::RecordKind::name).from(9).text(Tag::path, 0, "a.b").object(Tag::addresses, 0, a));
}

TEST(Json, HandWrittenEventsTakeTheirResultFromTheFirstParameter) {
    Event e;
    ASSERT_TRUE(parse_json(R"({"type":"openat","pid":4,"params":{"fd":-2,"name":"/x","flags":1}})", e));
    EXPECT_EQ(e.tid, 4);
    EXPECT_TRUE(e.failed());
}

TEST(Json, RefusesWithAReason) {
    Event e;
    const auto error = [&](const char* text) {
        const Status s = parse_json(text, e);
        return s ? std::string() : s.error();
    };
    EXPECT_NE(error("{").find("not JSON"), std::string::npos);
    EXPECT_NE(error("[]").find("object"), std::string::npos);
    EXPECT_NE(error(R"({"pid":5,"result":0})").find("'type' is missing"), std::string::npos);
    EXPECT_NE(error(R"({"type":"nope"})").find("'nope'"), std::string::npos);
    EXPECT_NE(error(R"({"type":"open","params":{"nope":1}})").find("'nope'"), std::string::npos);
    EXPECT_NE(error(R"({"type":"open","params":{"fd":"x"}})").find("'fd'"), std::string::npos);
    EXPECT_NE(error(R"({"type":"open","captured":{"path":{"9":"x"}}})").find("0 to 5"), std::string::npos);
    EXPECT_NE(error(R"({"type":"open","captured":{"proc":"00"}})").find("bytes"), std::string::npos);
}

}  // namespace
}  // namespace undercoat::event
