// Values of fields on events and state, as live Falco shows them.
#include "supervisor/fields/view.h"

#include "rules/output_template.h"
#include "supervisor/event/json.h"

#include <gtest/gtest.h>

namespace undercoat::fields {
namespace {

class ViewTest : public ::testing::Test {
protected:
    static state::Options options() {
        state::Options o;
        o.read_proc = false;
        o.agent_pids = {77, 78};
        return o;
    }
    FieldCatalogue catalogue;
    state::State state{options()};
    Surroundings surroundings;
    View view{catalogue, state, surroundings};
    event::Event event;
    Arena arena;

    void SetUp() override {
        add(1, 0, "init", "/sbin/init", {});
        add(2, 1, "sshd", "/usr/sbin/sshd", {"-D"});
        add(3, 2, "bash", "/usr/bin/bash", {"-c", "cat x"});
    }
    void add(int64_t pid, int64_t parent, const char* comm, const char* path, std::vector<std::string> args, const char* argv0 = nullptr) {
        auto image = std::make_shared<state::Image>();
        image->exepath = path;
        image->exe = argv0 ? argv0 : path;
        image->args = std::move(args);
        image->env = {"HOME=/root", "EMPTY="};
        Thread t;
        t.tid = t.pid = t.vtid = t.vpid = pid;
        t.ppid = parent;
        t.comm = t.kernel_comm = comm;
        t.uid = t.gid = 0;
        t.cwd = "/tmp";
        t.image = image;
        state.add(t);
    }
    void apply(const std::string& json) {
        state.finish();
        const Status s = event::parse_json(json, event);
        ASSERT_TRUE(s) << s.error();
        state.apply(event);
        view.set(event);
    }
    Value get(const std::string& name, std::optional<std::string_view> argument = std::nullopt) {
        auto found = rules::find_field(catalogue, name, argument);
        EXPECT_TRUE(std::holds_alternative<FieldRef>(found)) << name;
        ref_ = std::get<FieldRef>(found);
        return view.extract(ref_, arena);
    }
    std::string text(const std::string& name, std::optional<std::string_view> argument = std::nullopt) {
        const Value v = get(name, argument);
        return v.kind() == Value::Kind::text ? std::string(v.text()) : "(none)";
    }
    FieldRef ref_;
};

TEST_F(ViewTest, ProcessAndAncestors) {
    apply(R"({"type":"chdir","pid":3,"params":{"res":0,"path":"sub"}})");
    EXPECT_EQ(text("proc.name"), "bash");
    EXPECT_EQ(text("proc.cmdline"), "bash -c cat x");
    EXPECT_EQ(text("proc.args", "1"), "cat x");
    EXPECT_EQ(text("proc.args", "9"), "");
    EXPECT_EQ(text("proc.pname"), "sshd");
    EXPECT_EQ(text("proc.aname", "2"), "init");
    EXPECT_FALSE(get("proc.aname", "3").exists());
    EXPECT_EQ(get("proc.aname").list().size(), 2u);
    EXPECT_EQ(text("proc.cwd"), "/tmp/sub/");
    EXPECT_EQ(text("proc.env", "HOME"), "/root");
    EXPECT_EQ(text("proc.env", "EMPTY"), "");
    EXPECT_EQ(text("proc.env", "NONE"), "");
    EXPECT_EQ(get("proc.ppid").i64(), 2);
    EXPECT_EQ(get("proc.loginshellid").i64(), 3);
}

TEST_F(ViewTest, ACircleOfReusedNumbersEnds) {
    add(10, 20, "a", "/bin/a", {});
    add(20, 10, "b", "/bin/b", {});
    apply(R"({"type":"chdir","pid":10,"params":{"res":0,"path":"/"}})");
    EXPECT_FALSE(get("proc.aenv", "NONE").exists());
    EXPECT_EQ(text("proc.aenv", "HOME"), "/root");
    EXPECT_TRUE(get("proc.aname").exists());
    EXPECT_FALSE(get("proc.loginshellid").exists());
}

TEST_F(ViewTest, FailedOpenHasANameAndANegativeNumber) {
    apply(R"({"type":"openat","pid":3,"result":-2,"params":{"fd":-2,"dirfd":-100,"name":"a/../gone","flags":1,"mode":0}})");
    EXPECT_EQ(text("fd.name"), "/tmp/gone");
    EXPECT_EQ(text("fd.nameraw"), "a/../gone");
    EXPECT_EQ(text("fd.typechar"), "f");
    EXPECT_LT(get("fd.num").i64(), 0);
    EXPECT_EQ(text("evt.res"), "ENOENT");
    EXPECT_EQ(text("evt.arg.fd"), "ENOENT");
    EXPECT_EQ(text("evt.arg.flags"), "O_RDONLY");
    EXPECT_TRUE(get("evt.is_open_read").boolean());
    EXPECT_FALSE(get("evt.is_open_write").boolean());
    EXPECT_TRUE(get("evt.failed").boolean());
}

TEST_F(ViewTest, ArgumentsKeepAbsolutePathsAsTheyAre) {
    apply(R"({"type":"mkdir","pid":3,"result":0,"params":{"res":0,"path":"/usr/../usr/bin/x","mode":511}})");
    EXPECT_EQ(text("evt.arg.path"), "/usr/../usr/bin/x");
    EXPECT_EQ(text("evt.args"), "res=0 path=/usr/../usr/bin/x mode=1FF");
    apply(R"({"type":"mkdir","pid":3,"result":0,"params":{"res":0,"path":"d/../x","mode":0}})");
    EXPECT_EQ(text("evt.arg.path"), "/tmp/x");
    EXPECT_EQ(text("evt.args").substr(0, 24), "res=0 path=d/../x(/tmp/x");
}

TEST_F(ViewTest, PacketSocketAsFalcoShowsIt) {
    apply(R"({"type":"socket","pid":3,"result":-22,"params":{"fd":-22,"domain":17,"type":99,"proto":0,"flags":0}})");
    EXPECT_EQ(text("evt.args"), "fd=-22(EINVAL) domain=17(AF_PACKET) type=99 proto=0 flags=0(O_NONE)");
    apply(R"({"type":"socket","pid":3,"result":3,"params":{"fd":3,"domain":17,"type":2,"proto":0,"flags":4096}})");
    EXPECT_EQ(text("evt.args"), "fd=3(<o>) domain=17(AF_PACKET) type=2 proto=0 flags=4096(O_CLOEXEC)");
    EXPECT_EQ(text("fd.name"), "");
}

TEST_F(ViewTest, SocketsHaveEndsOnlyWithARole) {
    apply(R"({"type":"socket","pid":3,"result":4,"params":{"fd":4,"domain":2,"type":1,"proto":0,"flags":0}})");
    EXPECT_FALSE(get("fd.sip").exists());
    EXPECT_FALSE(get("fd.ip").exists());
    EXPECT_EQ(text("fd.l4proto"), "<NA>");
    EXPECT_FALSE(get("fd.connected").boolean());
    apply(R"({"type":"connect","pid":3,"result":0,"params":{"res":0,"fd":4,"tuple":{"source":{"ip":"198.51.100.7","port":12},)"
          R"("destination":{"ip":"203.0.113.9","port":443}},"addr":{"ip":"203.0.113.9","port":443}}})");
    EXPECT_EQ(text("fd.name"), "198.51.100.7:12->203.0.113.9:443");
    EXPECT_EQ(get("fd.sip").ip().to_string(), "203.0.113.9");
    EXPECT_EQ(get("fd.cport").u64(), 12u);
    EXPECT_EQ(text("fd.sproto"), "443");
    EXPECT_EQ(get("fd.ip").list().size(), 2u);
    EXPECT_EQ(text("fd.l4proto"), "tcp");
    EXPECT_TRUE(get("fd.connected").boolean());
    EXPECT_TRUE(get("fd.name_changed").boolean());
    EXPECT_EQ(text("evt.arg.fd"), "<4t>198.51.100.7:12->203.0.113.9:443");
}

TEST_F(ViewTest, LinksHaveTheNewNameAsSource) {
    apply(R"({"type":"symlink","pid":3,"result":0,"params":{"res":0,"target":"/etc","linkpath":"l"}})");
    EXPECT_EQ(text("fs.path.source"), "/tmp/l");
    EXPECT_EQ(text("fs.path.sourceraw"), "l");
    EXPECT_EQ(text("fs.path.targetraw"), "/etc");
    apply(R"({"type":"symlink","pid":3,"result":-17,"params":{"res":-17,"target":"/etc","linkpath":"l"}})");
    EXPECT_FALSE(get("fs.path.source").exists());
}

TEST_F(ViewTest, UserNamesAreNeverMissing) {
    apply(R"({"type":"setuid","pid":3,"result":0,"params":{"res":0,"uid":54321}})");
    EXPECT_EQ(get("user.uid").u64(), 54321u);
    EXPECT_EQ(text("user.name"), "<NA>");
    EXPECT_EQ(text("evt.arg.uid"), "<NA>");
    EXPECT_EQ(get("user.loginuid").i64(), -1);
}

TEST_F(ViewTest, WhoIsAimedAt) {
    const auto kill = [&](int pid) {
        apply(R"({"type":"kill","pid":3,"result":0,"params":{"res":0,"sig":9,"pid":)" + std::to_string(pid) + "}}");
        return get("evt.target_is_agent").boolean();
    };
    EXPECT_TRUE(kill(77));
    EXPECT_TRUE(kill(-78)) << "a process group of ours";
    EXPECT_FALSE(kill(3));
    EXPECT_FALSE(kill(-1)) << "everybody";
    const auto open = [&](const std::string& name) {
        apply(R"({"type":"openat","pid":3,"result":3,"params":{"fd":3,"dirfd":-100,"name":")" + name + R"(","flags":1,"mode":0}})");
        return get("evt.target_is_agent").boolean();
    };
    EXPECT_TRUE(open("/proc/77/mem"));
    EXPECT_FALSE(open("/proc/771/mem"));
    EXPECT_FALSE(open("/proc/self/mem"));
    EXPECT_FALSE(open("/tmp/77/mem"));
}

TEST_F(ViewTest, TheAskedNameAndItsDomains) {
    const std::string connect = R"({"type":"connect","pid":3,"result":0,"params":{"res":0,"fd":4,"tuple":{"source":{"ip":"198.51.100.7","port":1},)"
                                R"("destination":{"ip":"203.0.113.9","port":443}},"addr":{"ip":"203.0.113.9","port":443}}})";
    apply(R"({"type":"socket","pid":3,"result":4,"params":{"fd":4,"domain":2,"type":1,"proto":0,"flags":0}})");
    apply(connect);
    EXPECT_FALSE(get("fd.asked.name").exists());
    EXPECT_FALSE(get("fd.asked.domains").exists());
    EXPECT_TRUE(view.varied()) << "the name may be learnt later";
    state.finish();
    ASSERT_TRUE(event::parse_json(
        R"({"kind":"name","pid":3,"captured":{"path":{"0":"C2.Bad.Example."},"addresses":[{"ip":"203.0.113.9"}]}})", event));
    state.apply(event);
    apply(connect);
    EXPECT_EQ(text("fd.asked.name"), "c2.bad.example");
    std::string all;
    for (const Value& v : get("fd.asked.domains").list()) all += std::string(v.text()) + " ";
    EXPECT_EQ(all, "c2.bad.example bad.example example ");
    state.finish();
    ASSERT_TRUE(event::parse_json(
        R"({"kind":"name","pid":3,"captured":{"path":{"0":"b\u0001d.example"},"addresses":[{"ip":"203.0.113.9"}]}})", event));
    state.apply(event);
    apply(connect);
    auto format = rules::OutputTemplate::parse("%fd.asked.domains", catalogue);
    EXPECT_EQ(std::get<rules::OutputTemplate>(format).render(view).text, "(b\ufffd" "d.example,example)");
}

TEST_F(ViewTest, ProgramsOfBusyboxByTheirOwnNames) {
    add(5, 3, "exe", "/bin/busybox", {"-r", "/etc"}, "grep");
    add(6, 5, "busybox", "/bin/busybox", {"wget", "x"});
    add(7, 6, "exe", "/opt/exe", {});
    const auto tool_of = [&](int pid) {
        apply(R"({"type":"chdir","pid":)" + std::to_string(pid) + R"(,"params":{"res":0,"path":"/"}})");
        return text("proc.ptool") + " " + text("proc.tool");
    };
    EXPECT_EQ(tool_of(5), "bash grep");
    EXPECT_EQ(tool_of(6), "grep wget");
    EXPECT_EQ(tool_of(7), "wget exe") << "no part of busybox";
}

// What sysdig says of captures (tests/e2e/scap_test.py).
TEST_F(ViewTest, WhatReadsAndWritesIsOfTheKindOfItsDescriptor) {
    apply(R"({"type":"read","pid":3,"params":{"res":-11,"fd":7,"size":1}})");
    EXPECT_EQ(text("evt.category"), "unknown");
    EXPECT_EQ(get("evt.count.error.other").u64(), 1u);
    apply(R"({"type":"openat","pid":3,"params":{"fd":7,"dirfd":-100,"name":"/x","flags":1,"mode":0}})");
    EXPECT_EQ(text("evt.category"), "file");
    EXPECT_TRUE(get("fd.name_changed").boolean());
    EXPECT_FALSE(get("fd.ino").exists() || get("fd.dev").exists() || get("fd.dev.major").exists()) << "nobody told";
    EXPECT_FALSE(get("evt.count.error").exists());
    apply(R"({"type":"read","pid":3,"params":{"res":-11,"fd":7,"size":1}})");
    EXPECT_EQ(text("evt.category"), "file");
    EXPECT_FALSE(get("fd.name_changed").boolean());
    EXPECT_EQ(get("evt.count.error.file").u64(), 1u);
    EXPECT_FALSE(get("evt.count.error.other").exists());
    apply(R"({"type":"socket","pid":3,"params":{"fd":8,"domain":1,"type":1,"proto":0}})");
    apply(R"({"type":"sendto","pid":3,"params":{"res":-11,"fd":8,"size":1}})");
    EXPECT_EQ(text("evt.category"), "ipc");
    EXPECT_EQ(get("evt.count.error.net").u64(), 1u);
    apply(R"({"type":"openat","pid":3,"params":{"fd":-2,"dirfd":-100,"name":"/x","flags":1,"mode":0}})");
    EXPECT_EQ(get("evt.count.error.file").u64(), 1u);
    apply(R"({"type":"unlink","pid":3,"params":{"res":-2,"path":"/x"}})");
    EXPECT_EQ(get("evt.count.error.other").u64(), 1u);
}

TEST_F(ViewTest, ThreadsBesideTheFirst) {
    apply(R"({"type":"clone","pid":3,"params":{"res":30,"flags":8192}})");
    apply(R"({"type":"clone","pid":3,"params":{"res":31,"flags":0}})");
    const uint64_t all = get("proc.nthreads").u64();
    EXPECT_EQ(get("proc.nchilds").u64(), all - 1);
}

TEST_F(ViewTest, OutputsAreHarmless) {
    apply(R"({"type":"openat","pid":3,"result":5,"params":{"fd":5,"dirfd":-100,"name":{"hex":"2f61ff0a62"},"flags":1,"mode":0}})");
    EXPECT_EQ(text("fd.name"), "/a\xff\nb");
    EXPECT_EQ(view.output_value(ref_, arena).text(), "/a\ufffd\ufffd" "b");
}

TEST_F(ViewTest, OutputsOfTransformersAreHarmless) {
    apply(R"({"type":"openat","pid":3,"result":5,"params":{"fd":5,"dirfd":-100,"name":{"hex":"2f61ff0a62"},"flags":1,"mode":0}})");
    const auto shown = [&](const char* format) {
        auto parsed = rules::OutputTemplate::parse(format, catalogue);
        const auto* wrong = std::get_if<rules::OutputError>(&parsed);
        return wrong ? wrong->message : std::get<rules::OutputTemplate>(parsed).render(view).text;
    };
    EXPECT_EQ(shown("%concat(fd.name,\"x\")"), "/a\ufffd\ufffd" "bx");
    EXPECT_EQ(shown("%join(\"-\",(fd.name,proc.name))"), "/a\ufffd\ufffd" "b-bash");
    EXPECT_EQ(shown("%tolower(fd.name)"), "/a\ufffd\ufffd" "b");
    EXPECT_EQ(shown("%getopt(concat(\"-a\",fd.name),\"a:\")"), "(a,/a\ufffd\ufffd" "b)");
}

}  // namespace
}  // namespace undercoat::fields
