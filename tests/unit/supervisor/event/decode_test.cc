// Records become events: what each call's parameters hold, and that hostile records stay harmless.
#include "supervisor/event/decode.h"
#include "supervisor/event/flags.h"
#include "tests/unit/supervisor/support/record_builder.h"
#include "wire/local/coverage.h"

#include <arpa/inet.h>
#include <cerrno>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <random>
#include <sys/socket.h>

namespace undercoat::event {
namespace {

using test::RecordBuilder;
using wire::RecordKind;
using wire::RecordView;
using wire::Tag;

constexpr uint64_t kCwd = static_cast<uint32_t>(AT_FDCWD);

struct Decoded {
    Event e;
    DecodeStatus status;
    Decoded(const RecordBuilder& r, int64_t owner = 0, const RecordBuilder* result = nullptr) {
        const std::vector<uint8_t> bytes = r.bytes();
        const std::vector<uint8_t> more = result != nullptr ? result->bytes() : std::vector<uint8_t>();
        const RecordView view(bytes.data(), bytes.size());
        const RecordView second(more.data(), more.size());
        status = decode(view, result != nullptr ? &second : nullptr, RecordSource{{1, 2}, owner, 3}, e);
    }
    int64_t number(const char* p) const { return e.param(p).number; }
    std::string text(const char* p) const { return std::string(e.param(p).text); }
};

TEST(Decode, Openat) {
    Decoded d(RecordBuilder::call(Call::openat).from(10, 11).result(3)
                  .args({kCwd, 0x1000, O_RDWR | O_CREAT, 0644}).text(Tag::path, 1, "/etc/shadow"));
    ASSERT_EQ(d.status, DecodeStatus::ok);
    EXPECT_STREQ(d.e.name(), "openat");
    EXPECT_EQ(d.e.pid, 10);
    EXPECT_EQ(d.e.tid, 11);
    EXPECT_EQ(d.e.id.text(), "1:2");
    EXPECT_EQ(d.number("fd"), 3);
    EXPECT_EQ(d.number("dirfd"), AT_FDCWD);
    EXPECT_EQ(d.text("name"), "/etc/shadow");
    EXPECT_EQ(d.number("flags"), kPpmORdwr | kPpmOCreat);
    EXPECT_EQ(d.number("mode"), 0644);
}

TEST(Decode, ModeCountsOnlyWhereAFileCanBeMade) {
    Decoded d(RecordBuilder::call(Call::open).from(1).result(3).args({1, O_RDONLY, 0777}).text(Tag::path, 0, "/x"));
    EXPECT_EQ(d.number("mode"), 0);
}

TEST(Decode, CommandsAreNamedBeforeTheyAreNarrowed) {
    Decoded d(RecordBuilder::call(Call::fcntl).from(1).result(7).args({3, F_DUPFD_CLOEXEC, 0}));
    EXPECT_EQ(d.number("cmd"), kPpmFDupfdCloexec);
    EXPECT_EQ(Decoded(RecordBuilder::call(Call::fcntl).from(1).result(7).args({3, F_SETLK, 0})).number("cmd"), 8);
}

TEST(Decode, Openat2TakesFlagsFromItsStructure) {
    const uint64_t how[3] = {O_WRONLY, 0, 0x10};
    Decoded d(RecordBuilder::call(Call::openat2).from(1).result(-ENOENT).args({kCwd, 1, 2, 24})
                  .text(Tag::path, 1, "x").object(Tag::open_how, 0, how));
    EXPECT_EQ(d.number("flags"), kPpmOWronly);
    EXPECT_EQ(d.number("resolve"), 2);
    EXPECT_EQ(d.number("fd"), -ENOENT);
    EXPECT_TRUE(d.e.failed());
}

TEST(Decode, ShimRecordsSpeakForTheOwnerOfTheirRing) {
    Decoded d(RecordBuilder::call(Call::unlink).from(999, 12).result(0).args({1}).text(Tag::path, 0, "/x"), 77);
    EXPECT_EQ(d.e.pid, 77);
    EXPECT_EQ(d.e.origin, wire::Origin::shim);
}

TEST(Decode, ConnectHasBothEnds) {
    sockaddr_in peer{}, local{};
    peer.sin_family = local.sin_family = AF_INET;
    peer.sin_port = htons(443), local.sin_port = htons(50000);
    inet_pton(AF_INET, "1.2.3.4", &peer.sin_addr);
    inet_pton(AF_INET, "10.0.0.1", &local.sin_addr);
    Decoded d(RecordBuilder::call(Call::connect).from(1).result(-EINPROGRESS).args({5, 1, 16})
                  .object(Tag::sockaddr, 1, peer).object(Tag::local, 0, local));
    ASSERT_EQ(d.e.param("tuple").kind, ParamValue::Kind::tuple);
    EXPECT_EQ(to_text(*d.e.param("tuple").tuple), "10.0.0.1:50000->1.2.3.4:443");
    EXPECT_EQ(to_text(*d.e.param("addr").address), "1.2.3.4:443");
    EXPECT_EQ(d.number("fd"), 5);
}

TEST(Decode, SocketKeepsTypeAndShowsItsFlags) {
    Decoded d(RecordBuilder::call(Call::socket).from(1).result(3).args({AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0}));
    EXPECT_EQ(d.number("type"), 524291);
    EXPECT_EQ(d.number("flags"), kPpmOCloexec);
    EXPECT_EQ(d.number("domain"), 17);
}

TEST(Decode, SuccessfulExecveatIsAnExecve) {
    const RecordBuilder r = RecordBuilder::call(Call::execveat).from(1).args({3, 1, 1, 1, AT_EMPTY_PATH})
                                .text(Tag::path, 1, "").text(Tag::argv, 0, std::string_view("a\0b\0", 4));
    RecordBuilder ok = r, failed = r;
    EXPECT_STREQ(Decoded(ok.result(0)).e.name(), "execve");
    EXPECT_STREQ(Decoded(failed.result(-EACCES)).e.name(), "execveat");
}

TEST(Decode, ExecSplitsTheVectorAndTakesProcInfo) {
    wire::ProcInfo p{};
    p.euid = 7, p.tty_nr = 34816, p.flags = wire::kUpperLayer | wire::kWritableByCaller, p.exe_ino = 99;
    Decoded d(RecordBuilder::call(Call::execve).from(1).result(0).args({1, 2, 3}).text(Tag::path, 0, "./x")
                  .text(Tag::argv, 0, std::string_view("x\0-a\0b c\0", 9)).text(Tag::comm, 0, "x").object(Tag::proc, 0, p));
    EXPECT_EQ(d.text("exe"), "x");
    EXPECT_EQ(d.text("args"), std::string("-a\0b c\0", 7));
    EXPECT_EQ(d.text("filename"), "./x");
    EXPECT_EQ(d.number("uid"), 7);
    EXPECT_EQ(d.number("tty"), 34816);
    EXPECT_EQ(d.number("exe_ino"), 99);
    EXPECT_EQ(d.number("flags"), kPpmExeUpperLayer | kPpmExeWritable);
}

TEST(Decode, ResultRecordsGoBeforeWhatTheTrapGuessed) {
    const RecordBuilder call = RecordBuilder::call(Call::openat).from(1).flags(wire::kInferred | wire::kResultFollows)
                                   .result(0).args({kCwd, 1, 0, 0}).text(Tag::path, 1, "/x").seq(4);
    const RecordBuilder result =
        RecordBuilder(RecordKind::result, static_cast<uint16_t>(Call::openat)).from(1).result(-EACCES).seq(4);
    Decoded d(call, 0, &result);
    EXPECT_EQ(d.e.result, -EACCES);
    EXPECT_FALSE(d.e.inferred);
    EXPECT_EQ(d.number("fd"), -EACCES);
}

TEST(Decode, UnknownResultsAreSuccesses) {
    Decoded open(RecordBuilder::call(Call::openat).from(1).flags(wire::kResultUnknown).result(-1).args({kCwd, 1, 0, 0}));
    EXPECT_TRUE(open.e.result_unknown);
    EXPECT_FALSE(open.e.failed());
    Decoded dup(RecordBuilder::call(Call::dup2).from(1).flags(wire::kResultUnknown).result(0).args({7, 1}));
    EXPECT_EQ(dup.number("res"), 1);
}

TEST(Decode, ExitStatus) {
    Decoded killed(RecordBuilder(RecordKind::exit).from(5).result(139));
    EXPECT_EQ(killed.e.kind, Kind::exit);
    EXPECT_EQ(killed.number("sig"), 11);
    EXPECT_EQ(killed.number("core"), 1);
    Decoded left(RecordBuilder(RecordKind::exit).from(5).result(0x300));
    EXPECT_EQ(left.number("ret"), 3);
    Decoded unknown(RecordBuilder(RecordKind::exit).from(5).result(wire::kStatusUnknown));
    EXPECT_FALSE(unknown.e.param("status").present());
}

TEST(Decode, NamesHaveNoType) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    Decoded n(RecordBuilder(RecordKind::name).from(1).text(Tag::path, 0, "example.org").object(Tag::addresses, 0, a), 1);
    EXPECT_FALSE(n.e.has_type());
    EXPECT_EQ(n.e.captured.addresses.size(), 1u);
}

TEST(Decode, CoverageSaysWhatIsNotSeen) {
    const int64_t code = wire::coverage_code(wire::CoverageReason::masked, wire::CoverageLevel::part);
    Decoded d(RecordBuilder(RecordKind::coverage).from(7).result(code).text(Tag::text, 0, "unshare"));
    EXPECT_EQ(d.status, DecodeStatus::ok);
    EXPECT_EQ(d.e.kind, Kind::coverage);
    EXPECT_EQ(d.e.pid, 7);
    ASSERT_TRUE(d.e.has_type());
    EXPECT_STREQ(d.e.name(), "coverage");
    EXPECT_EQ(d.e.param("reason").text, "masked");
    EXPECT_EQ(d.e.param("level").text, "part");
    EXPECT_NE(d.e.param("text").text.find("unshare"), std::string_view::npos);
    for (const int64_t bad : {int64_t{0}, int64_t{200}, int64_t{1} | 9 << 8, int64_t{1} | 1 << 20, int64_t{-1}})
        EXPECT_EQ(Decoded(RecordBuilder(RecordKind::coverage).from(1).result(bad)).status, DecodeStatus::bad_kind) << bad;
}

TEST(Decode, RefusesWhatItDoesNotKnow) {
    EXPECT_EQ(Decoded(RecordBuilder(RecordKind::call, wire::kCallCount).from(1)).status, DecodeStatus::bad_call);
    // A process cannot pretend to be the engine.
    EXPECT_EQ(Decoded(RecordBuilder::call(Call::procexit).from(1)).status, DecodeStatus::bad_call);
    EXPECT_EQ(Decoded(RecordBuilder::call(Call::container).from(1)).status, DecodeStatus::bad_call);
    EXPECT_EQ(Decoded(RecordBuilder(static_cast<RecordKind>(77)).from(1)).status, DecodeStatus::bad_kind);
    EXPECT_EQ(Decoded(RecordBuilder::call(Call::open).from(1).origin(static_cast<wire::Origin>(9))).status,
              DecodeStatus::bad_origin);
}

TEST(Decode, IndexesBeyondTheArgumentsAreIgnored) {
    Decoded d(RecordBuilder::call(Call::open).from(1).args({1, 2, 3}).text(Tag::path, 200, "/etc/passwd")
                  .text(Tag::fd, 6, "x").text(Tag::file, 255, "y"));
    EXPECT_EQ(d.status, DecodeStatus::ok);
    EXPECT_FALSE(d.e.param("name").present());
}

TEST(Decode, EachTypeSurvivesRandomPayload) {
    std::mt19937 random(7);
    for (uint16_t call = 0; call < wire::kCallCount; ++call) {
        for (int i = 0; i < 20; ++i) {
            RecordBuilder r(RecordKind::call, call);
            for (int k = 0; k < 8; ++k) {
                std::string s(random() % 90, '\0');
                for (char& c : s) c = static_cast<char>(random());
                r.text(static_cast<Tag>(random() % 30), static_cast<uint8_t>(random() % 8), s);
            }
            Decoded d(r.from(1).result(static_cast<int64_t>(random()) - 100));
            ASSERT_EQ(d.status, kEvents[call].flags & kNotSyscall ? DecodeStatus::bad_call : DecodeStatus::ok);
            for (unsigned p = 0; p < d.e.nparams(); ++p)
                if (d.e.param(p).kind == ParamValue::Kind::text) {
                    EXPECT_EQ(d.e.param(p).text.find('\0'), std::string_view::npos);
                }
        }
    }
}

TEST(EventFdOf, FollowsTheSchema) {
    Decoded open(RecordBuilder::call(Call::open).from(1).result(4).args({1, 0, 0}));
    EXPECT_EQ(event_fd(open.e).number, 4);
    Decoded unlinkat(RecordBuilder::call(Call::unlinkat).from(1).result(0).args({kCwd, 1, 0}).text(Tag::path, 1, "x"));
    EXPECT_EQ(event_fd(unlinkat.e).number, AT_FDCWD);
    Decoded rename(RecordBuilder::call(Call::rename).from(1).result(0).args({1, 2}));
    EXPECT_FALSE(event_fd(rename.e).exists);
    Decoded listen(RecordBuilder::call(Call::listen).from(1).result(0).args({9, 2}));
    EXPECT_EQ(event_fd(listen.e).number, 9);
}

}  // namespace
}  // namespace undercoat::event
