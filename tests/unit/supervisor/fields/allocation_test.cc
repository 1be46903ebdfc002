// Evaluating fields allocates nothing once memory is warm: what rules look at on every event must not.
#include "supervisor/event/json.h"
#include "supervisor/fields/view.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

namespace {
size_t allocations = 0;
}

// Counts heap allocations of the whole program.
[[gnu::noinline]] void* operator new(size_t size) {
    ++allocations;
    if (void* p = std::malloc(size)) return p;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* p) noexcept { std::free(p); }
[[gnu::noinline]] void operator delete(void* p, size_t) noexcept { std::free(p); }

namespace undercoat::fields {
namespace {

// Those of the official rules' conditions that are made of several texts, and some that are plain.
constexpr const char* kFields[] = {
    "evt.type", "evt.res", "evt.rawres", "evt.is_open_write", "evt.arg.name", "evt.arg.path", "evt.arg.flags", "evt.arg.oldpath",
    "fd.name", "fd.nameraw", "fd.directory", "fd.filename", "fd.typechar", "fd.num", "fd.l4proto", "fd.sip", "fd.ip", "fd.sport",
    "fs.path.name", "fs.path.nameraw", "fs.path.source", "fs.path.target", "evt.abspath", "proc.name", "proc.exe", "proc.exepath",
    "proc.cmdline", "proc.exeline", "proc.args", "proc.env", "proc.cwd", "proc.pname", "proc.pcmdline", "proc.aname", "proc.acmdline",
    "thread.cap_permitted", "thread.cap_effective", "user.uid", "container.id"};

TEST(Allocation, ThereIsNoneOnceWarm) {
    state::Options options;
    options.read_proc = false;
    state::State state(options);
    const FieldCatalogue catalogue;
    Surroundings surroundings;
    View view(catalogue, state, surroundings);
    auto image = std::make_shared<state::Image>();
    image->exe = image->exepath = "/usr/bin/a-program-with-a-long-name";
    image->args = {"with", "arguments that are longer than a short string holds"};
    image->env = {"HOME=/a/home/directory/that/is/rather/long", "LONG=another/value/that/does/not/fit"};
    for (const int64_t pid : {1, 2, 3}) {
        Thread t;
        t.tid = t.pid = t.vtid = t.vpid = pid;
        t.ppid = pid - 1;
        t.comm = t.kernel_comm = "a-program";
        t.uid = t.gid = 0;
        t.cap_permitted = t.cap_effective = 0x1ffffffffff;
        t.cwd = "/a/directory/that/does/not/fit/a/short/string";
        t.image = image;
        state.add(t);
    }
    std::vector<FieldRef> refs;
    for (const char* name : kFields) {
        auto found = rules::find_field(catalogue, name, std::nullopt);
        ASSERT_TRUE(std::holds_alternative<FieldRef>(found)) << name;
        refs.push_back(std::get<FieldRef>(found));
    }
    const char* events[] = {
        R"({"type":"openat","pid":3,"result":-2,"params":{"fd":-2,"dirfd":-100,"name":"../a/relative//name/./of/something/missing","flags":1,"mode":0}})",
        R"({"type":"openat","pid":3,"result":5,"params":{"fd":5,"dirfd":-100,"name":"/an/absolute/../name/of/something/here","flags":4097,"mode":0}})",
        R"({"type":"mkdir","pid":3,"result":0,"params":{"res":0,"path":"a/relative/directory/with/a/long/name","mode":511}})",
        R"({"type":"rename","pid":3,"result":0,"params":{"res":0,"oldpath":"/some/old/name/that/is/long","newpath":"some/new/name/that/is/long"}})"};
    Arena arena;
    event::Event event;
    for (const bool warm : {false, true}) {
        for (const char* line : events) {
            ASSERT_TRUE(event::parse_json(line, event));
            state.apply(event);
            view.set(event);
            arena.reset();
            for (const FieldRef& ref : refs) {
                const size_t before = allocations;
                view.extract(ref, arena);
                if (warm) {
                    EXPECT_EQ(allocations, before) << ref.text << " on " << line;
                }
            }
            state.finish();
        }
    }
}

}  // namespace
}  // namespace undercoat::fields
