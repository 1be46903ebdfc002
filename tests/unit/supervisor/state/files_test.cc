// Files and descriptors, and the paths of parameters.
#include "tests/unit/supervisor/state/state_fixture.h"

#include "supervisor/event/decode.h"
#include "supervisor/event/flags.h"
#include "tests/unit/supervisor/support/record_builder.h"

#include <sys/stat.h>

namespace undercoat::state {
namespace {

using Files = StateTest;
using test::RecordBuilder;
using wire::Call;
using wire::Tag;

void apply_record(State& state, event::Event& e, const RecordBuilder& r) {
    const std::vector<uint8_t> bytes = r.bytes();
    ASSERT_EQ(event::decode(wire::RecordView(bytes.data(), bytes.size()), nullptr, {}, e), event::DecodeStatus::ok);
    state.apply(e);
}

TEST_F(Files, AnOpenedFileIsKnownByItsNumber) {
    const Context& c = apply(R"({"type":"openat","pid":1,"params":{"fd":5,"dirfd":-100,"name":"a//../b","flags":1}})");
    ASSERT_NE(c.fd, nullptr);
    EXPECT_EQ(c.fd->name, "/root/b");
    EXPECT_EQ(c.fd->name_raw, "a/../b");
    EXPECT_EQ(type_char(c.fd->type), 'f');
    EXPECT_FALSE(c.fd_from_arguments);
    state.finish();
    EXPECT_EQ(apply(R"({"type":"fchmod","pid":1,"params":{"res":0,"fd":5,"mode":511}})").fd->name, "/root/b");
}

TEST_F(Files, ODirectoryMakesADirectory) {
    EXPECT_EQ(apply(R"({"type":"open","pid":1,"params":{"fd":5,"name":"/etc","flags":1}})").fd->type, FdType::file);
    EXPECT_EQ(apply(R"({"type":"open","pid":1,"params":{"fd":5,"name":"/etc","flags":1025}})").fd->type, FdType::directory);
}

TEST_F(Files, AFailedOpenIsKnownByItsArguments) {
    const Context& c = apply(R"({"type":"openat","pid":1,"params":{"fd":-2,"dirfd":-100,"name":"x","flags":1}})");
    EXPECT_TRUE(c.has_fd && c.fd_from_arguments);
    EXPECT_EQ(c.fd_number, -1);
    EXPECT_EQ(c.fd->name, "/root/x");
    EXPECT_EQ(type_char(c.fd->type), 'f');
    EXPECT_EQ(type_char(apply(R"({"type":"open","pid":1,"params":{"fd":-2,"name":"x","flags":1}})").fd->type), 'o');
    EXPECT_EQ(thread(1).fd_count(), 0u);
}

TEST_F(Files, ANumberThatIsNotKnownIsNotRemembered) {
    run(R"({"type":"openat","pid":1,"flags":["unknown"],"params":{"fd":0,"dirfd":-100,"name":"/x","flags":1}})");
    EXPECT_EQ(thread(1).fd_count(), 0u);
    const Context& c = apply(R"({"type":"openat","pid":1,"flags":["inferred"],"params":{"fd":2147483647,"dirfd":-100,"name":"/x","flags":1}})");
    EXPECT_GE(c.fd_number, 0);
    EXPECT_EQ(c.fd->name, "/x");
    EXPECT_EQ(thread(1).fd_count(), 0u);
}

TEST_F(Files, RelativePathsStartAtTheirDirectory) {
    run(R"({"type":"open","pid":1,"params":{"fd":5,"name":"/sbin","flags":1}})");
    const Context& c = apply(
        R"({"type":"renameat","pid":1,"params":{"res":0,"olddirfd":5,"oldpath":"a","newdirfd":-100,"newpath":"b"}})");
    EXPECT_EQ(*c.path(2), "/sbin/a");
    EXPECT_EQ(*c.path(4), "/root/b");
    EXPECT_EQ(c.path_base(2), "/sbin");
    const Context& unknown = apply(R"({"type":"mkdirat","pid":1,"params":{"res":0,"dirfd":99,"path":"a","mode":0}})");
    EXPECT_EQ(*unknown.path(2), "<UNKNOWN>/a");
    EXPECT_EQ(*apply(R"({"type":"mkdir","pid":1,"params":{"res":0,"path":"/usr/../x","mode":0}})").path(1), "/usr/../x");
    EXPECT_EQ(*state.context().collapsed_path(1), "/x");
}

TEST_F(Files, WhatTheTrapReadGoesBeforeTheTable) {
    run(R"({"type":"open","pid":1,"params":{"fd":5,"name":"/old","flags":1}})");
    apply_record(state, event, RecordBuilder::call(Call::mkdirat).from(1).result(0).args({5, 1, 0}).text(Tag::path, 1, "x")
                                   .text(Tag::fd, 0, "/new"));
    EXPECT_EQ(*state.context().path(2), "/new/x");
}

// A directory opened by a symbolic link has another name in /proc; the program's name is what Falco shows.
TEST_F(Files, TheSameFileKeepsTheNameThatTheProgramGave) {
    run(R"({"type":"open","pid":1,"params":{"fd":5,"name":"/sbin","flags":1,"dev":8,"ino":77}})");
    apply_record(state, event, RecordBuilder::call(Call::mkdirat).from(1).result(0).args({5, 1, 0}).text(Tag::path, 1, "x")
                                   .text(Tag::fd, 0, "/usr/sbin").object(Tag::file, 0, wire::FileInfo{8, 77, S_IFDIR, 0}));
    EXPECT_EQ(*state.context().path(2), "/sbin/x");
    apply_record(state, event, RecordBuilder::call(Call::mkdirat).from(1).result(0).args({5, 1, 0}).text(Tag::path, 1, "x")
                                   .text(Tag::fd, 0, "/usr/sbin").object(Tag::file, 0, wire::FileInfo{8, 78, S_IFDIR, 0}));
    EXPECT_EQ(*state.context().path(2), "/usr/sbin/x");
}

// By the time we look the directory may have another name, or none.
TEST_F(Files, ARenamedDirectoryKeepsTheNameThatTheProgramGave) {
    run(R"({"type":"openat","pid":1,"params":{"fd":5,"dirfd":-100,"name":"a","flags":1}})");
    run(R"({"type":"rename","pid":1,"params":{"res":0,"oldpath":"a","newpath":"/else/b"}})");
    const auto make = [&](const char* text) {
        apply_record(state, event, RecordBuilder::call(Call::mkdirat).from(1).result(0).args({5, 1, 0}).text(Tag::path, 1, "x")
                                       .text(Tag::fd, 0, text));
        return *state.context().path(2);
    };
    EXPECT_EQ(make("/else/b"), "/root/a/x");
    EXPECT_EQ(make("/else/b (deleted)"), "/root/a/x");
    run(R"({"type":"rename","pid":1,"params":{"res":-2,"oldpath":"a","newpath":"/else/c"}})");
    EXPECT_EQ(make("/else/c"), "/else/c/x");
}

TEST_F(Files, ALinkedDirectoryWhoseNumberWasNotToldKeepsTheNameThatTheProgramGave) {
    run(R"({"type":"symlinkat","pid":1,"params":{"res":0,"target":"../etc/d","linkdirfd":-100,"linkpath":"link"}})");
    run(R"({"type":"openat","pid":1,"flags":["inferred"],"params":{"fd":2147483647,"dirfd":-100,"name":"link/","flags":1025}})");
    apply_record(state, event, RecordBuilder::call(Call::mkdirat).from(1).result(0).args({7, 1, 0}).text(Tag::path, 1, "x")
                                   .text(Tag::fd, 0, "/etc/d (deleted)"));
    EXPECT_EQ(*state.context().path(2), "/root/link/x");
}

// The number is another file's by now: what is done to the old name since must not hide it.
TEST_F(Files, ALinkThatIsYoungerThanTheNameExcusesNoStaleDescriptor) {
    run(R"({"type":"openat","pid":1,"params":{"fd":5,"dirfd":-100,"name":"/tmp/a","flags":1}})");
    run(R"({"type":"symlink","pid":1,"params":{"res":0,"target":"/etc","linkpath":"/tmp/a"}})");
    const auto open = [&] {
        apply_record(state, event, RecordBuilder::call(Call::mkdirat).from(1).result(0).args({5, 1, 0}).text(Tag::path, 1, "x")
                                       .text(Tag::fd, 0, "/etc"));
        return *state.context().path(2);
    };
    EXPECT_EQ(open(), "/etc/x");
    // Nor a link that is gone, nor one that may never have been.
    run(R"({"type":"symlink","pid":1,"params":{"res":0,"target":"/etc","linkpath":"/tmp/b"}})");
    run(R"({"type":"unlink","pid":1,"params":{"res":0,"path":"/tmp/b"}})");
    run(R"({"type":"openat","pid":1,"params":{"fd":5,"dirfd":-100,"name":"/tmp/b","flags":1}})");
    EXPECT_EQ(open(), "/etc/x");
    run(R"({"type":"symlink","pid":1,"flags":["unknown"],"params":{"res":0,"target":"/etc","linkpath":"/tmp/c"}})");
    run(R"({"type":"openat","pid":1,"params":{"fd":5,"dirfd":-100,"name":"/tmp/c","flags":1}})");
    EXPECT_EQ(open(), "/etc/x");
    // Nor one that stands, where the file itself was opened since.
    run(R"({"type":"symlink","pid":1,"params":{"res":0,"target":"/etc","linkpath":"/tmp/d"}})");
    run(R"({"type":"openat","pid":1,"params":{"fd":5,"dirfd":-100,"name":"/tmp/d","flags":1}})");
    EXPECT_EQ(open(), "/tmp/d/x");
    run(R"({"type":"openat","pid":1,"flags":["inferred"],"params":{"fd":2147483647,"dirfd":-100,"name":"/etc","flags":1025}})");
    EXPECT_EQ(open(), "/etc/x");
}

TEST_F(Files, ANameMayEndLikeThatOfAFileThatIsGone) {
    const auto name = [&](const char* text) {
        apply_record(state, event, RecordBuilder::call(Call::mkdirat).from(1).result(0).args({5, 1, 0}).text(Tag::path, 1, "x")
                                       .text(Tag::fd, 0, text));
        return *state.context().path(2);
    };
    run(R"J({"type":"openat","pid":1,"params":{"fd":5,"dirfd":-100,"name":"/tmp/a (deleted)","flags":1}})J");
    EXPECT_EQ(name("/tmp/a (deleted)"), "/tmp/a (deleted)/x");
    run(R"({"type":"openat","pid":1,"params":{"fd":5,"dirfd":-100,"name":"/tmp/a","flags":1}})");
    EXPECT_EQ(name("/tmp/a (deleted)"), "/tmp/a/x");
}

TEST_F(Files, DupCopies) {
    run(R"({"type":"open","pid":1,"params":{"fd":5,"name":"/x","flags":4097}})");
    const Context& c = apply(R"({"type":"dup2","pid":1,"params":{"res":1,"oldfd":5,"newfd":1}})");
    EXPECT_EQ(c.fd_number, 1);
    EXPECT_EQ(c.fd->name, "/x");
    EXPECT_FALSE(c.fd->open_flags & event::kPpmOCloexec);
    state.finish();
    EXPECT_EQ(thread(1).fd(5)->name, "/x");
    // A source of which nothing is known makes the target unknown too.
    run(R"({"type":"dup2","pid":1,"params":{"res":1,"oldfd":9,"newfd":1}})");
    EXPECT_EQ(thread(1).fd(1), nullptr);
}

TEST_F(Files, AClosedDescriptorIsThereForTheRules) {
    run(R"({"type":"open","pid":1,"params":{"fd":5,"name":"/x","flags":1}})");
    EXPECT_EQ(apply(R"({"type":"close","pid":1,"params":{"res":0,"fd":5}})").fd->name, "/x");
    state.finish();
    EXPECT_EQ(thread(1).fd(5), nullptr);
    run(R"({"type":"open","pid":1,"params":{"fd":6,"name":"/x","flags":1}})");
    run(R"({"type":"close","pid":1,"params":{"res":-9,"fd":6}})");
    EXPECT_NE(thread(1).fd(6), nullptr);
    run(R"({"type":"close_range","pid":1,"params":{"res":0,"first":3,"last":100,"flags":0}})");
    EXPECT_EQ(thread(1).fd(6), nullptr);
}

TEST_F(Files, ExecutionDropsCloexec) {
    run(R"({"type":"open","pid":1,"params":{"fd":5,"name":"/keep","flags":1}})");
    run(R"({"type":"open","pid":1,"params":{"fd":6,"name":"/drop","flags":4097}})");
    fork(1, 20);
    exec(20, "/bin/x");
    EXPECT_NE(thread(20).fd(5), nullptr);
    EXPECT_EQ(thread(20).fd(6), nullptr);
    EXPECT_NE(thread(1).fd(6), nullptr);
}

TEST_F(Files, OtherDescriptorsHaveTheirTypes) {
    EXPECT_EQ(apply(R"({"type":"eventfd2","pid":1,"params":{"res":7,"flags":0,"initval":0}})").fd->type, FdType::eventfd);
    EXPECT_EQ(apply(R"({"type":"memfd_create","pid":1,"params":{"fd":8,"name":"m","flags":0}})").fd->name, "m");
    run(R"({"type":"pipe","pid":1,"params":{"res":0,"fd1":3,"fd2":4,"ino":12}})");
    EXPECT_EQ(thread(1).fd(4)->type, FdType::pipe);
}

}  // namespace
}  // namespace undercoat::state
