// Sockets: ends, roles, names.
#include "tests/unit/supervisor/state/state_fixture.h"

#include "supervisor/event/decode.h"
#include "tests/unit/supervisor/support/record_builder.h"

#include <arpa/inet.h>
#include <cstring>
#include <netinet/in.h>

namespace undercoat::state {
namespace {

using Network = StateTest;
using test::RecordBuilder;
using wire::Call;
using wire::Tag;

constexpr char kConnect[] =
    R"({"type":"connect","pid":1,"params":{"res":RES,"fd":4,"tuple":{"source":{"ip":"10.0.0.1","port":50000},)"
    R"("destination":{"ip":"1.2.3.4","port":443}},"addr":{"ip":"1.2.3.4","port":443}}})";

std::string connect(const char* result) {
    std::string s = kConnect;
    return s.replace(s.find("RES"), 3, result);
}

sockaddr_in v4(const char* ip, uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    inet_pton(AF_INET, ip, &a.sin_addr);
    return a;
}

wire::SocketInfo info(const sockaddr_in& local, const sockaddr_in* peer) {
    wire::SocketInfo s{AF_INET, SOCK_STREAM, 0, sizeof local, 0, {}, {}};
    std::memcpy(s.local, &local, sizeof local);
    if (peer != nullptr) s.peer_len = sizeof *peer, std::memcpy(s.peer, peer, sizeof *peer);
    return s;
}

TEST_F(Network, AClientHasItsTuple) {
    run(R"({"type":"socket","pid":1,"params":{"fd":4,"domain":2,"type":1,"proto":0,"flags":0}})");
    const Context& c = apply(connect("0"));
    EXPECT_EQ(c.fd->name, "10.0.0.1:50000->1.2.3.4:443");
    EXPECT_EQ(c.fd->role, Role::client);
    EXPECT_EQ(c.fd->l4, L4::tcp);
    EXPECT_TRUE(c.fd->connected && c.fd_name_changed);
    state.finish();
    EXPECT_FALSE(apply(connect("0")).fd_name_changed);
}

// Whoever accepts tells the peer, or nothing: the rest is the listener's.
TEST_F(Network, AnAcceptedSocketHasTheAddressOfItsListener) {
    const sockaddr_in peer = v4("127.0.0.1", 50001);
    const auto accept = [&](bool with_peer) {
        RecordBuilder b = RecordBuilder::call(Call::accept).from(1).result(7).args({3, 0, 0});
        if (with_peer) b.object(Tag::peer, 1, peer);
        return b.bytes();
    };
    const auto told = [&](const char* address, bool with_peer) {
        run(R"({"type":"socket","pid":1,"params":{"fd":3,"domain":2,"type":1,"proto":0,"flags":0}})");
        run(std::string(R"({"type":"bind","pid":1,"params":{"res":0,"fd":3,"addr":{"ip":")") + address + R"(","port":80}}})");
        const std::vector<uint8_t> bytes = accept(with_peer);
        EXPECT_EQ(event::decode(wire::RecordView(bytes.data(), bytes.size()), nullptr, {}, event), event::DecodeStatus::ok);
        state.apply(event);
        const std::string name = state.context().fd->name;
        state.finish();
        return name;
    };
    EXPECT_EQ(told("127.0.0.1", true), "127.0.0.1:50001->127.0.0.1:80");
    EXPECT_EQ(told("0.0.0.0", true), "127.0.0.1:50001->127.0.0.1:80");
    EXPECT_EQ(told("127.0.0.1", false), "0.0.0.0:0->127.0.0.1:80");
}

// A socket that the trap saw begin, of a number that nobody told, is the one of the call that uses an unknown descriptor.
TEST_F(Network, ASocketOfUnknownNumberIsTakenByItsFirstUse) {
    const auto socket_of = [](int type) {
        return R"({"type":"socket","pid":1,"inferred":true,"result":2147483647,"params":{"fd":2147483647,"domain":2,"type":)" +
               std::to_string(type) + R"(,"proto":0,"flags":0}})";
    };
    run(socket_of(2));
    EXPECT_EQ(apply(connect("0")).fd->l4, L4::udp);
    state.finish();
    EXPECT_EQ(state.thread(1)->fd(2147483647), nullptr);
    for (int i = 0; i < 20; ++i) run(socket_of(i == 19 ? 1 : 2));
    std::string other = connect("0");
    const Context& c = apply(other.replace(other.find("\"fd\":4"), 6, "\"fd\":7"));
    EXPECT_EQ(c.fd->l4, L4::tcp);  // the newest
    EXPECT_EQ(c.fd->type, FdType::ipv4);
}

TEST_F(Network, AConnectionInProgressCountsAFailedOneDoesNot) {
    run(R"({"type":"socket","pid":1,"params":{"fd":4,"domain":2,"type":1,"proto":0,"flags":0}})");
    EXPECT_FALSE(apply(connect("-111")).fd->connected);
    state.finish();
    EXPECT_TRUE(apply(connect("-115")).fd->connected);
}

TEST_F(Network, AServerIsKnownFromBindToAccept) {
    run(R"({"type":"socket","pid":1,"params":{"fd":3,"domain":2,"type":524289,"proto":0,"flags":4096}})");
    const Context& b = apply(R"({"type":"bind","pid":1,"params":{"res":0,"fd":3,"addr":{"ip":"0.0.0.0","port":80}}})");
    EXPECT_EQ(b.fd->name, "0.0.0.0:80");
    EXPECT_TRUE(b.fd->server_socket);
    state.finish();
    EXPECT_EQ(apply(R"({"type":"listen","pid":1,"params":{"res":0,"fd":3,"backlog":5}})").fd->role, Role::server);
    state.finish();
    const Context& a = apply(R"({"type":"accept4","pid":1,"params":{"fd":5,"tuple":{"source":{"ip":"9.9.9.9","port":40000},)"
                             R"("destination":{"ip":"10.0.0.1","port":80}}}})");
    EXPECT_EQ(a.fd->name, "9.9.9.9:40000->10.0.0.1:80");
    EXPECT_EQ(a.fd->role, Role::server);
    EXPECT_EQ(a.fd->l4, L4::tcp);
}

TEST_F(Network, ASocketOfIpv6ThatTalksIpv4IsOneOfIpv4) {
    run(R"({"type":"socket","pid":1,"params":{"fd":4,"domain":10,"type":1,"proto":0,"flags":0}})");
    const Context& c = apply(R"({"type":"connect","pid":1,"params":{"res":-115,"fd":4,"tuple":{"source":)"
                             R"({"ip":"::ffff:10.0.0.1","port":5},"destination":{"ip":"::ffff:169.254.169.254","port":80}}}})");
    EXPECT_EQ(c.fd->type, FdType::ipv4);
    EXPECT_EQ(c.fd->name, "10.0.0.1:5->169.254.169.254:80");
}

TEST_F(Network, AListenerOfBothFamiliesAcceptsIpv4) {
    run(R"({"type":"socket","pid":1,"params":{"fd":3,"domain":10,"type":1,"proto":0,"flags":0}})");
    EXPECT_EQ(apply(R"({"type":"bind","pid":1,"params":{"res":0,"fd":3,"addr":{"ip":"::","port":80}}})").fd->name, ":::80");
    state.finish();
    const Context& a = apply(R"({"type":"accept4","pid":1,"params":{"fd":5,"tuple":{"source":{"ip":"::ffff:9.9.9.9","port":7},)"
                             R"("destination":{"ip":"::ffff:10.0.0.1","port":80}}}})");
    EXPECT_EQ(a.fd->type, FdType::ipv4);
    EXPECT_EQ(a.fd->name, "9.9.9.9:7->10.0.0.1:80");
}

TEST_F(Network, BindToPortZeroSaysNothing) {
    run(R"({"type":"socket","pid":1,"params":{"fd":3,"domain":2,"type":1,"proto":0,"flags":0}})");
    EXPECT_EQ(apply(R"({"type":"bind","pid":1,"params":{"res":0,"fd":3,"addr":{"ip":"0.0.0.0","port":0}}})").fd->name, "");
}

TEST_F(Network, ADatagramNamesItsSocket) {
    run(R"({"type":"socket","pid":1,"params":{"fd":4,"domain":2,"type":2,"proto":0,"flags":0}})");
    const std::string send = R"({"type":"sendto","pid":1,"params":{"res":1,"fd":4,"size":1,"tuple":{"source":)"
                             R"({"ip":"127.0.0.1","port":5},"destination":{"ip":"127.0.0.1","port":53}}}})";
    const Context& c = apply(send);
    EXPECT_EQ(c.fd->l4, L4::udp);
    EXPECT_EQ(c.fd->role, Role::client);
    EXPECT_TRUE(c.fd->connected);
    EXPECT_TRUE(c.fd_name_changed);
    EXPECT_EQ(c.fd->name, "127.0.0.1:5->127.0.0.1:53");
    state.finish();
    EXPECT_FALSE(apply(send).fd_name_changed);
}

TEST_F(Network, AWildcardSourceToLoopbackIsLoopback) {
    run(R"({"type":"socket","pid":1,"params":{"fd":4,"domain":2,"type":2,"proto":0,"flags":0}})");
    EXPECT_EQ(apply(R"({"type":"sendto","pid":1,"params":{"res":1,"fd":4,"size":1,"tuple":{"source":{"ip":"0.0.0.0","port":5},)"
                    R"("destination":{"ip":"127.0.0.9","port":53}}}})").fd->name, "127.0.0.1:5->127.0.0.9:53");
}

TEST_F(Network, AConnectedStreamIsNotRenamedBySending) {
    run(R"({"type":"socket","pid":1,"params":{"fd":4,"domain":2,"type":1,"proto":0,"flags":0}})");
    run(connect("0"));
    const Context& c = apply(R"({"type":"sendto","pid":1,"params":{"res":1,"fd":4,"size":1,"tuple":{"source":)"
                             R"({"ip":"7.7.7.7","port":5},"destination":{"ip":"8.8.8.8","port":53}}}})");
    EXPECT_EQ(c.fd->name, "10.0.0.1:50000->1.2.3.4:443");
}

TEST_F(Network, DupOntoStandardInputShowsTheSocketThatTheTrapSaw) {
    const sockaddr_in local = v4("127.0.0.1", 40000), peer = v4("127.0.0.1", 4444);
    const std::vector<uint8_t> bytes = RecordBuilder::call(Call::dup2).from(1).result(0).args({5, 0})
                                           .text(Tag::fd, 0, "socket:[99]").object(Tag::socket, 0, info(local, &peer)).bytes();
    ASSERT_EQ(event::decode(wire::RecordView(bytes.data(), bytes.size()), nullptr, {}, event), event::DecodeStatus::ok);
    state.apply(event);
    const Context& c = state.context();
    EXPECT_EQ(c.fd_number, 0);
    EXPECT_EQ(c.fd->type, FdType::ipv4);
    EXPECT_EQ(c.fd->name, "127.0.0.1:40000->127.0.0.1:4444");
}

TEST_F(Network, ARefusedConnectionMakesNoServer) {
    for (const char* first : {"-111", "-115"}) {  // at once, or when it is looked at
        run(R"({"type":"socket","pid":1,"params":{"fd":4,"domain":2,"type":1,"proto":0,"flags":0}})");
        run(connect(first));
        const std::string before = state.thread(1)->fd(4)->name;
        const sockaddr_in local = v4("0.0.0.0", 48360);
        const std::vector<uint8_t> bytes = RecordBuilder::call(Call::dup2).from(1).result(0).args({4, 0})
                                               .text(Tag::fd, 0, "socket:[99]").object(Tag::socket, 0, info(local, nullptr)).bytes();
        ASSERT_EQ(event::decode(wire::RecordView(bytes.data(), bytes.size()), nullptr, {}, event), event::DecodeStatus::ok);
        state.apply(event);
        EXPECT_EQ(state.context().fd->name, before);
        EXPECT_NE(state.context().fd->role, Role::server);
        state.finish();
    }
}

TEST_F(Network, TheRoleOfAnEarlierCallIsKept) {
    run(R"({"type":"socket","pid":1,"params":{"fd":3,"domain":2,"type":1,"proto":0,"flags":0}})");
    run(R"({"type":"accept4","pid":1,"params":{"fd":5,"tuple":{"source":{"ip":"127.0.0.1","port":400},)"
        R"("destination":{"ip":"127.0.0.1","port":47106}}}})");
    const sockaddr_in local = v4("127.0.0.1", 47106), peer = v4("127.0.0.1", 400);
    const std::vector<uint8_t> bytes = RecordBuilder::call(Call::dup2).from(1).result(1).args({5, 1})
                                           .object(Tag::socket, 0, info(local, &peer)).bytes();
    ASSERT_EQ(event::decode(wire::RecordView(bytes.data(), bytes.size()), nullptr, {}, event), event::DecodeStatus::ok);
    state.apply(event);
    EXPECT_EQ(state.context().fd->name, "127.0.0.1:400->127.0.0.1:47106");
    EXPECT_EQ(state.context().fd->role, Role::server);
}

TEST_F(Network, NamesAreRememberedByAddress) {
    run(R"({"kind":"name","pid":1,"captured":{"path":{"0":"example.org"},"addresses":[{"ip":"1.2.3.4"}]}})");
    const sockaddr_in a = v4("1.2.3.4", 443), b = v4("1.2.3.5", 443);
    EXPECT_EQ(state.host_name(event::parse_sockaddr(&a, sizeof a)), "example.org");
    EXPECT_EQ(state.host_name(event::parse_sockaddr(&b, sizeof b)), "");
}

TEST_F(Network, LoopbackIsLocal) {
    const sockaddr_in a = v4("127.3.2.1", 1), b = v4("203.0.113.7", 1);
    EXPECT_TRUE(state.is_local(event::parse_sockaddr(&a, sizeof a)));
    EXPECT_FALSE(state.is_local(event::parse_sockaddr(&b, sizeof b)));
}

}  // namespace
}  // namespace undercoat::state
