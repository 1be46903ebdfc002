// Descriptors: letters, copies, and what /proc's link texts say.
#include "supervisor/state/fd.h"

#include <arpa/inet.h>
#include <cstring>
#include <gtest/gtest.h>

namespace undercoat::state {
namespace {

TEST(FdType, LettersAndWords) {
    const std::pair<FdType, std::pair<char, const char*>> table[] = {
        {FdType::unknown, {'o', "<NA>"}}, {FdType::file, {'f', "file"}}, {FdType::directory, {'d', "directory"}},
        {FdType::ipv4, {'4', "ipv4"}}, {FdType::ipv6, {'6', "ipv6"}}, {FdType::unix_socket, {'u', "unix"}},
        {FdType::pipe, {'p', "pipe"}}, {FdType::eventfd, {'e', "event"}}, {FdType::signalfd, {'s', "signalfd"}},
        {FdType::eventpoll, {'l', "eventpoll"}}, {FdType::inotify, {'i', "inotify"}}, {FdType::timerfd, {'t', "timerfd"}},
        {FdType::netlink, {'n', "netlink"}}, {FdType::bpf, {'b', "bpf"}}, {FdType::userfaultfd, {'u', "userfaultfd"}},
        {FdType::io_uring, {'r', "io_uring"}}, {FdType::memfd, {'m', "memfd"}}, {FdType::pidfd, {'P', "pidfd"}}};
    for (const auto& [type, words] : table) {
        EXPECT_EQ(type_char(type), words.first);
        EXPECT_STREQ(type_name(type), words.second);
    }
    EXPECT_EQ(type_char(FdType::unsupported), 'X');
}

TEST(FdFromProc, ReadsTheForms) {
    EXPECT_EQ(fd_from_proc_text("/etc/passwd").type, FdType::file);
    EXPECT_EQ(fd_from_proc_text("/etc/passwd").name, "/etc/passwd");
    const FdInfo pipe = fd_from_proc_text("pipe:[81976]");
    EXPECT_EQ(pipe.type, FdType::pipe);
    EXPECT_EQ(pipe.name, "pipe:[81976]");
    EXPECT_EQ(pipe.ino, 81976u);
    EXPECT_EQ(fd_from_proc_text("socket:[5]").ino, 5u);
    EXPECT_EQ(fd_from_proc_text("anon_inode:[eventpoll]").type, FdType::eventpoll);
    EXPECT_EQ(fd_from_proc_text("anon_inode:bpf-map").type, FdType::bpf);
    EXPECT_EQ(fd_from_proc_text("anon_inode:[nothing]").type, FdType::unsupported);
    const FdInfo memfd = fd_from_proc_text("/memfd:x y (deleted)");
    EXPECT_EQ(memfd.type, FdType::memfd);
    EXPECT_EQ(memfd.name, "x y");
    EXPECT_EQ(fd_from_proc_text("").type, FdType::unsupported);
    EXPECT_EQ(fd_from_proc_text("pipe:[").ino, 0u);
}

TEST(FdInfo, CopiesOwnTheirUnixPath) {
    FdInfo copy;
    {
        FdInfo fd;
        fd.type = FdType::unix_socket;
        std::string path = "/run/some/rather/long/socket/path";
        Tuple t;
        t.destination.family = Address::Family::unix_path;
        t.destination.path = path;
        fd.set_tuple(t);
        path.assign(path.size(), 'x');
        copy = fd;
        fd.unix_path.assign(fd.unix_path.size(), 'y');
    }
    EXPECT_EQ(copy.tuple.destination.path, "/run/some/rather/long/socket/path");
    EXPECT_EQ(copy.name, "0->0 /run/some/rather/long/socket/path");
}

TEST(FdInfo, AServerSocketShowsItsOneAddress) {
    FdInfo fd;
    fd.server_socket = true;
    Tuple t;
    t.destination.family = Address::Family::ipv4;
    t.destination.port = 80;
    fd.set_tuple(t);
    EXPECT_EQ(fd.name, "0.0.0.0:80");
}

}  // namespace
}  // namespace undercoat::state
