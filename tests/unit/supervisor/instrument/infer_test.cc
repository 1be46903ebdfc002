// Inferred results against what the kernel then really says, and against rights of another user.
#include "supervisor/instrument/infer.h"

#include <cerrno>
#include <cstring>
#include <mutex>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <thread>

#include "tests/unit/supervisor/instrument/temp_tree.h"

namespace undercoat::instrument {
namespace {

using wire::Call;

class Infer : public TempTree {
protected:
    // What is inferred for a call of this process with these paths; `who`: whose rights count.
    pid_t caller = getpid();
    Verdict ask(Call call, std::initializer_list<uint64_t> args, const std::string& first = "", const std::string& second = "",
                const Credentials* who = nullptr) {
        HeldCall c;
        c.call = static_cast<uint16_t>(call);
        c.tid = c.pid = caller;
        std::copy(args.begin(), args.end(), c.args);
        Captured found;
        strcpy(found.paths[0].text, first.c_str());
        strcpy(found.paths[1].text, second.c_str());
        // Argument slots of paths hold some address, as in life.
        for (unsigned i = 0; i < c.info().nargs; ++i)
            if (c.info().args[i] == wire::ArgKind::path) c.args[i] = 0x1000;
        const Credentials& rights = who ? *who : me;
        const View view(c.tid, c.pid, rights, true);
        return infer({c, found, view, {}, 0});
    }
    // Infers, then does it, and compares: the inference must be known and right.
    void same(Call call, const std::string& path, std::initializer_list<uint64_t> rest = {}) {
        std::vector<uint64_t> args{0};
        args.insert(args.end(), rest);
        args.resize(6);
        HeldCall shape;
        shape.call = static_cast<uint16_t>(call);
        const Verdict v = ask(call, {args[0], args[1], args[2], args[3]}, path);
        const long r = syscall(shape.info().x86_64, path.c_str(), args[1], args[2], args[3]);
        const int64_t real = r < 0 ? -errno : r;
        EXPECT_TRUE(v.known) << shape.info().name << " " << path;
        if (shape.info().creates_fd && real >= 0) {
            EXPECT_EQ(v.result, wire::kInferredFd) << shape.info().name << " " << path;
            close(static_cast<int>(real));
        } else EXPECT_EQ(v.result, real) << shape.info().name << " " << path;
    }
};

TEST_F(Infer, OpenAgreesWithTheKernel) {
    file("f", "x");
    directory("d");
    ASSERT_EQ(symlink("f", at("to-f").c_str()), 0);
    ASSERT_EQ(symlink("missing", at("dangling").c_str()), 0);
    ASSERT_EQ(symlink("loop", at("loop").c_str()), 0);
    for (uint64_t flags : {O_RDONLY, O_WRONLY, O_RDWR, O_RDONLY | O_DIRECTORY, O_RDONLY | O_NOFOLLOW, O_PATH | O_NOFOLLOW,
                           O_RDWR | O_CREAT, O_WRONLY | O_CREAT | O_EXCL, O_PATH}) {
        for (const char* name : {"f", "d", "to-f", "loop", "f/x", "missing/x", "d/.", "f/", "d/new"}) {
            same(Call::open, at(name), {flags, 0644});
            unlink(at("d/new").c_str());
        }
        if (!(flags & O_CREAT)) same(Call::open, at("dangling"), {flags, 0644});
    }
    same(Call::open, "", {O_RDONLY});
    same(Call::open, at(std::string(300, 'n')), {O_RDONLY});
    same(Call::open, "/dev/null", {O_RDWR});
}

TEST_F(Infer, DanglingLinkWithCreateIsNotGuessed) {
    ASSERT_EQ(symlink("missing", at("dangling").c_str()), 0);
    EXPECT_FALSE(ask(Call::open, {0, O_CREAT | O_WRONLY, 0644}, at("dangling")).known);
}

TEST_F(Infer, DirectoriesAgreeWithTheKernel) {
    directory("d");
    file("f");
    for (const char* name : {"new", "new", "new/", "f", "f/x", "missing/x", "d/y"}) same(Call::mkdir, at(name), {0755});
    for (const char* name : {"f", "d", "missing", "d/.", "d/..", "d/y", "d/y", "d"}) same(Call::rmdir, at(name));
    for (const char* name : {"missing", "f/x"}) same(Call::chdir, at(name));
    same(Call::chdir, at("f"));
}

TEST_F(Infer, NamesAgreeWithTheKernel) {
    file("f");
    directory("d");
    for (const char* name : {"d", "missing", "f", "f"}) same(Call::unlink, at(name));
    file("g");
    same(Call::chmod, at("g"), {0600});
    same(Call::chmod, at("missing"), {0600});
    same(Call::truncate, at("d"), {0});
    same(Call::truncate, at("g"), {0});
}

TEST_F(Infer, RenameAgreesWithTheKernel) {
    const auto same_rename = [&](const char* from, const char* to) {
        const Verdict v = ask(Call::rename, {0, 0}, at(from), at(to));
        const int r = rename(at(from).c_str(), at(to).c_str());
        EXPECT_TRUE(v.known);
        EXPECT_EQ(v.result, r < 0 ? -errno : 0) << from << " " << to;
    };
    file("f");
    file("g");
    directory("d");
    directory("full");
    directory("full/x");
    same_rename("missing", "new");
    same_rename("f", "d");
    same_rename("d", "f");
    same_rename("d", "full");
    same_rename("f", "g");
    same_rename("full", "d");
    same_rename("g", "missing/x");
}

TEST_F(Infer, LooksWithTheTargetsRights) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root to act for another user";
    file("secret", "x", 0600);
    file("public", "x", 0644);
    directory("closed", 0700);
    file("closed/in", "x", 0644);
    directory("sticky", 01777);
    file("sticky/other", "x", 0666);
    const Credentials who = nobody();
    const auto error = [&](Call c, const char* path, std::initializer_list<uint64_t> args) {
        return ask(c, args, path[0] == '/' ? path : at(path), "", &who).result;
    };
    EXPECT_EQ(error(Call::open, "secret", {0, O_RDONLY}), -EACCES);
    EXPECT_EQ(error(Call::open, "public", {0, O_RDONLY}), wire::kInferredFd);
    EXPECT_EQ(error(Call::open, "public", {0, O_RDWR}), -EACCES);
    EXPECT_EQ(error(Call::open, "closed/in", {0, O_RDONLY}), -EACCES);
    EXPECT_EQ(error(Call::open, "new", {0, O_CREAT | O_WRONLY}), -EACCES);
    EXPECT_EQ(error(Call::mkdir, "new", {0, 0755}), -EACCES);
    EXPECT_EQ(error(Call::unlink, "public", {0}), -EACCES);
    EXPECT_EQ(error(Call::unlink, "sticky/other", {0}), -EPERM);
    EXPECT_EQ(error(Call::chmod, "public", {0, 0777}), -EPERM);
    EXPECT_EQ(error(Call::chroot, "sticky", {0}), -EPERM);
    // Nothing of it sticks to this thread.
    EXPECT_EQ(ask(Call::open, {0, O_RDWR}, at("secret")).result, wire::kInferredFd);
    EXPECT_EQ(access(at("secret").c_str(), R_OK), 0);
}

TEST_F(Infer, IdentitiesFollowCapabilities) {
    Credentials who = nobody();
    const auto set = [&](Call c, uint64_t id) { return ask(c, {id, id, id}, "", "", &who).result; };
    EXPECT_EQ(set(Call::setuid, 0), -EPERM);
    EXPECT_EQ(set(Call::setuid, 65534), 0);
    EXPECT_EQ(set(Call::setresgid, 1), -EPERM);
    EXPECT_EQ(set(Call::setfsuid, 0), 65534);
    EXPECT_EQ(ask(Call::mount, {0, 1, 0, 0}, "/", "", &who).result, -EPERM);
    EXPECT_EQ(ask(Call::socket, {AF_PACKET, SOCK_RAW, 0}, "", "", &who).result, -EPERM);
    EXPECT_GE(ask(Call::socket, {AF_INET, SOCK_STREAM, 0}, "", "", &who).result, 0);
    who.effective = 1ULL << kCapSetuid;
    EXPECT_EQ(set(Call::setuid, 0), 0);
    EXPECT_FALSE(ask(Call::setns, {3, 0}, "", "", &me).known && me.has(kCapSysAdmin));
}

TEST_F(Infer, DescriptorsAreLookedAt) {
    const int fd = open("/dev/null", O_RDONLY);
    EXPECT_EQ(ask(Call::dup2, {static_cast<uint64_t>(fd), 2}).result, 2);
    EXPECT_EQ(ask(Call::dup2, {9999, 2}).result, -EBADF);
    EXPECT_EQ(ask(Call::dup, {9999}).result, -EBADF);
    EXPECT_EQ(ask(Call::fchmod, {9999, 0600}).result, -EBADF);
    close(fd);
}

// Of one thread: others take numbers meanwhile.
TEST_F(Infer, ASocketGetsTheLowestFreeNumber) {
    int wait[2], ready[2];
    ASSERT_EQ(pipe(wait) | pipe(ready), 0);
    char c = 0;
    caller = fork();
    if (caller == 0) {
        for (int fd = 3; fd < 64; ++fd)
            if (fd != wait[0] && fd != ready[1]) close(fd);
        for (int fd = 3; fd < 30; ++fd)
            if (fd != wait[0] && fd != ready[1] && fd != 20) dup2(wait[0], fd);
        _exit(write(ready[1], &c, 1) != 1 || read(wait[0], &c, 1) != 1 || socket(AF_INET, SOCK_STREAM, 0) != 20);
    }
    ASSERT_EQ(read(ready[0], &c, 1), 1);
    EXPECT_EQ(ask(Call::socket, {AF_INET, SOCK_STREAM, 0}).result, 20);
    EXPECT_EQ(write(wait[1], &c, 1), 1);
    int status = -1;
    EXPECT_EQ(waitpid(caller, &status, 0), caller);
    EXPECT_EQ(status, 0);
    for (const int fd : {wait[0], wait[1], ready[0], ready[1]}) close(fd);
    caller = getpid();
    std::mutex held;
    std::unique_lock lock(held);
    std::thread another([&] { const std::lock_guard until(held); });
    EXPECT_EQ(ask(Call::socket, {AF_INET, SOCK_STREAM, 0}).result, wire::kInferredFd);
    lock.unlock();
    another.join();
}

// Connects to sockets of the file system fail as the kernel lets them fail; where one lies, nothing is claimed.
TEST_F(Infer, ConnectToAPath) {
    file("plain", "x");
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address_of = [&](const char* name) {
        sockaddr_un a{AF_UNIX, {}};
        strcpy(a.sun_path, at(name).c_str());
        return a;
    };
    sockaddr_un a = address_of("socket");
    ASSERT_EQ(bind(listener, reinterpret_cast<sockaddr*>(&a), sizeof a), 0);
    HeldCall c;
    c.call = static_cast<uint16_t>(Call::connect);
    c.tid = c.pid = getpid();
    const View view(c.tid, c.pid, me, true);
    SocketFacts facts;
    facts.known = facts.is_socket = true;
    facts.family = AF_UNIX;
    facts.type = SOCK_STREAM;
    for (const char* name : {"missing", "plain", "plain/below", "socket"}) {
        Captured found;
        a = address_of(name);
        memcpy(found.address, &a, found.address_length = sizeof a);
        const Verdict v = infer({c, found, view, facts, 0});
        const int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int real = connect(client, reinterpret_cast<sockaddr*>(&a), sizeof a) == 0 ? 0 : -errno;
        close(client);
        EXPECT_EQ(v.known, strcmp(name, "socket") != 0) << name;
        if (v.known) {
            EXPECT_EQ(v.result, real) << name;
        }
    }
    close(listener);
}

TEST_F(Infer, UnreadableMeansUnknownAndBadPointersFault) {
    HeldCall c;
    c.call = static_cast<uint16_t>(Call::open);
    c.tid = c.pid = getpid();
    const View view(c.tid, c.pid, me, true);
    Captured found;
    found.bad_pointer = true;
    EXPECT_EQ(infer({c, found, view, {}, 0}).result, -EFAULT);
    found.bad_pointer = false;
    found.too_long = true;
    EXPECT_EQ(infer({c, found, view, {}, 0}).result, -ENAMETOOLONG);
    found.flags = wire::kUnreadable;
    EXPECT_FALSE(infer({c, found, view, {}, 0}).known);
}

}  // namespace
}  // namespace undercoat::instrument
