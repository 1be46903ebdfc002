// The lists in each version.
#include "supervisor/scap/lists.h"
#include "tests/support/capture_writer.h"

#include <gtest/gtest.h>

namespace undercoat::scap {
namespace {

using test::ByteText;

Bytes view(const std::string& s) { return {reinterpret_cast<const uint8_t*>(s.data()), s.size()}; }

// The first block behind the header that the writer has made.
Block block_of(const std::string& bytes) {
    Block b;
    Cursor c(view(bytes));
    b.type = static_cast<BlockType>(c.take<uint32_t>());
    const auto length = c.take<uint32_t>();
    b.body = c.take_bytes(length - 12);
    return b;
}

TEST(ProcessList, EachVersionIsRead) {
    for (unsigned version = 1; version <= 9; ++version) {
        test::CaptureWriter w;
        w.processes(version, {{7, 7, 1, "a", "/a", std::string("b\0c\0", 4), "/tmp/", "cpu=/", 5, 6}, {8, 7, 1, "t"}});
        ListCounters counters;
        const auto list = read_processes(block_of(w.bytes), counters);
        ASSERT_EQ(2u, list.size()) << version;
        EXPECT_EQ(0u, counters.bad_lists) << version;
        const state::Thread& t = list[0];
        EXPECT_EQ("a b c", t.cmdline()) << version;
        EXPECT_EQ("/tmp", t.cwd);
        EXPECT_EQ(5u, t.uid);
        EXPECT_EQ(version >= 2 ? 11u : 0u, t.vm_size_kb);
        EXPECT_EQ(version >= 3 ? 1u : 0u, t.image->env.size());
        EXPECT_EQ(version >= 4 ? "cpu=/" : "", t.cgroups);
        EXPECT_EQ(version >= 6 ? 7 : -1, t.sid);
        EXPECT_EQ(version >= 7 ? "/a" : "", t.image->exepath);
        EXPECT_EQ(version >= 8 ? 7 : -1, t.vpgid);
        EXPECT_EQ(version >= 9 ? 1000u : state::kUnknownId, t.loginuid);
        EXPECT_FALSE(list[1].is_main());
    }
}

TEST(ProcessList, LaterAdditionsToAnEntryAreReadOrLeft) {
    test::CaptureWriter w;
    w.processes(9, {{}});
    const Block plain = block_of(w.bytes);
    Cursor c(plain.body);
    const auto length = c.take<uint32_t>();
    const std::string entry(c.take_text(length - 4));
    ByteText tail;  // writable, capabilities, upper layer, inode, times, memfd, lower layer, group, and what nobody knows yet
    tail.put(uint8_t{1}).put(uint64_t{1}).put(uint64_t{2}).put(uint64_t{3}).put(uint8_t{1});
    tail.put(uint64_t{77}).put(uint64_t{78}).put(uint64_t{79}).put(uint8_t{0}).put(uint8_t{0}).put(int64_t{9}).raw("future");
    const std::string body =
        ByteText().put(static_cast<uint32_t>(length + tail.bytes.size())).raw(entry).raw(tail.bytes).bytes;
    ListCounters counters;
    const auto list = read_processes({BlockType::processes_v9, 0, view(body)}, counters);
    ASSERT_EQ(1u, list.size());
    EXPECT_EQ(3u, list[0].image->flags);
    EXPECT_EQ(2u, list[0].cap_permitted);
    EXPECT_EQ(77u, list[0].image->exe_ino);
    EXPECT_EQ(9, list[0].pgid);
    EXPECT_EQ(0u, counters.bad_lists);
}

TEST(ProcessList, DamageKeepsWhatCameBefore) {
    test::CaptureWriter w;
    w.processes(9, {{}});
    const std::string body(block_of(w.bytes).body.begin(), block_of(w.bytes).body.end());
    const std::string damaged = body + test::bytes_of(uint32_t{100000});
    ListCounters counters;
    EXPECT_EQ(1u, read_processes({BlockType::processes_v9, 0, view(damaged)}, counters).size());
    EXPECT_EQ(1u, counters.bad_lists);
}

std::string fd_head(int64_t fd, uint8_t type) { return ByteText().put(fd).put(uint64_t{5}).put(type).bytes; }

TEST(FdList, EachKindInBothVersions) {
    const std::string ip4("\x0a\0\0\x01", 4), ip6(16, '\x02');
    const std::vector<std::string> entries = {
        fd_head(0, 1) + ByteText().text("/f").bytes,
        fd_head(1, 2) + ByteText().text("/d").bytes,
        fd_head(2, 3) + ip4 + ip4 + ByteText().put(uint16_t{1000}).put(uint16_t{80}).put(uint8_t{2}).bytes,
        fd_head(3, 4) + ip6 + ip6 + ByteText().put(uint16_t{1000}).put(uint16_t{80}).put(uint8_t{3}).bytes,
        fd_head(4, 5) + ip4 + ByteText().put(uint16_t{22}).put(uint8_t{2}).bytes,
        fd_head(5, 6) + ip6 + ByteText().put(uint16_t{22}).put(uint8_t{2}).bytes,
        fd_head(6, 7) + ByteText().text("pipe:[1]").bytes,
        fd_head(7, 8) + ByteText().put(uint64_t{1}).put(uint64_t{2}).text("/s\n").bytes,
        fd_head(8, 20) + ByteText().text("m").bytes,
    };
    for (const bool lengths : {false, true}) {
        ByteText body;
        body.put(int64_t{42});
        for (const std::string& e : entries) {
            if (lengths) body.put(static_cast<uint32_t>(e.size() + 4));
            body.raw(e);
        }
        ListCounters counters;
        const FdList list = read_fds({lengths ? BlockType::fds_v2 : BlockType::fds, 0, view(body.bytes)}, counters);
        EXPECT_EQ(42, list.tid);
        ASSERT_EQ(entries.size(), list.fds.size());
        EXPECT_EQ("/f", list.fds[0].second.name);
        EXPECT_TRUE(list.fds[1].second.is_directory());
        EXPECT_EQ("10.0.0.1:1000->10.0.0.1:80", list.fds[2].second.name);
        EXPECT_EQ(state::L4::udp, list.fds[3].second.l4);
        EXPECT_EQ("10.0.0.1:22", list.fds[4].second.name);
        EXPECT_TRUE(list.fds[5].second.server_socket);
        EXPECT_EQ(state::FdType::pipe, list.fds[6].second.type);
        EXPECT_EQ("/s", list.fds[7].second.name);
        EXPECT_EQ(state::FdType::memfd, list.fds[8].second.type);
        EXPECT_EQ(0u, counters.bad_lists);
    }
}

TEST(FdList, UnknownTypeEndsAListWithoutLengthsOnly) {
    const std::string unknown = fd_head(0, 99) + "????", known = fd_head(1, 1) + ByteText().text("/f").bytes;
    ListCounters counters;
    const std::string plain = test::bytes_of(int64_t{1}) + unknown + known;
    EXPECT_EQ(0u, read_fds({BlockType::fds, 0, view(plain)}, counters).fds.size());
    EXPECT_EQ(1u, counters.bad_lists);
    ByteText body;
    body.put(int64_t{1}).put(static_cast<uint32_t>(unknown.size() + 4)).raw(unknown);
    body.put(static_cast<uint32_t>(known.size() + 4)).raw(known);
    EXPECT_EQ(1u, read_fds({BlockType::fds_v2, 0, view(body.bytes)}, counters).fds.size());
    EXPECT_EQ(1u, counters.bad_lists);
    EXPECT_EQ(2u, counters.unknown_fds);
}

TEST(HostLists, InterfacesAndUsersInBothVersions) {
    const std::string address("\x0a\0\0\x01\xff\0\0\0\x0a\xff\xff\xff", 12);
    const std::string interface = ByteText().put(uint16_t{1}).put(uint16_t{4}).raw(address).put(uint64_t{0}).raw("eth0").bytes;
    const std::string user = ByteText().put(uint8_t{0}).put(uint32_t{5}).put(uint32_t{6}).text("ann").text("/a").text("/sh").bytes;
    const std::string group = ByteText().put(uint8_t{1}).put(uint32_t{6}).text("staff").bytes;
    const auto with_length = [](const std::string& s, size_t own) {
        return test::bytes_of(static_cast<uint32_t>(s.size() + own)) + s;
    };
    ListCounters counters;
    for (const bool lengths : {false, true}) {
        const std::string interfaces = lengths ? with_length(interface, 0) : interface;
        const auto list = read_interfaces({lengths ? BlockType::interfaces_v2 : BlockType::interfaces, 0, view(interfaces)}, counters);
        ASSERT_EQ(1u, list.size());
        EXPECT_EQ("10.0.0.1", event::ip_text(list[0].address));
        const std::string users = lengths ? with_length(user, 4) + with_length(group, 4) : user + group;
        state::Users known("", false);
        read_users({lengths ? BlockType::users_v2 : BlockType::users, 0, view(users)}, known, counters);
        ASSERT_NE(nullptr, known.user(5, 1));
        EXPECT_EQ("/a", known.user(5, 1)->home);
        EXPECT_EQ("staff", known.group(6, 1)->name);
    }
    EXPECT_EQ(0u, counters.bad_lists);
}

}  // namespace
}  // namespace undercoat::scap
