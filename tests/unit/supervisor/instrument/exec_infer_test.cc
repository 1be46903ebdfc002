// Will execve find something to run?
#include <cerrno>

#include "tests/unit/supervisor/instrument/temp_tree.h"

namespace undercoat::instrument {
namespace {

class InferExec : public TempTree {
protected:
    int64_t ask(const std::string& path, const Credentials* who = nullptr) {
        const View view(getpid(), getpid(), who ? *who : me, true);
        Found found;
        const Verdict v = infer_exec(view, AT_FDCWD, path.c_str(), 0, &found);
        EXPECT_TRUE(v.known) << path;
        return v.result;
    }
};

TEST_F(InferExec, FindsPrograms) {
    EXPECT_EQ(ask("/bin/sh"), 0);
    EXPECT_EQ(ask("/proc/self/exe"), 0);
    file("script", "#!/bin/sh\necho\n", 0755);
    EXPECT_EQ(ask(at("script")), 0);
    file("nested", "#! " + at("script") + " -x\n", 0755);
    EXPECT_EQ(ask(at("nested")), 0);
}

TEST_F(InferExec, SaysWhyNot) {
    EXPECT_EQ(ask("/nowhere"), -ENOENT);
    EXPECT_EQ(ask("/tmp"), -EACCES);
    EXPECT_EQ(ask("/bin/sh/x"), -ENOTDIR);
    file("plain", "#!/bin/sh\n", 0644);
    EXPECT_EQ(ask(at("plain")), -EACCES);
    file("empty", "", 0755);
    EXPECT_EQ(ask(at("empty")), -ENOEXEC);
    file("text", "hello", 0755);
    EXPECT_EQ(ask(at("text")), -ENOEXEC);
    file("orphan", "#!/no/such/interpreter\n", 0755);
    EXPECT_EQ(ask(at("orphan")), -ENOENT);
    file("blank", "#!\n", 0755);
    EXPECT_EQ(ask(at("blank")), -ENOEXEC);
    file("stub", "\177ELF", 0755);
    EXPECT_EQ(ask(at("stub")), -ENOEXEC);
}

TEST_F(InferExec, LooksWithTheTargetsRights) {
    if (geteuid() != 0) GTEST_SKIP() << "needs root to act for another user";
    file("mine", "#!/bin/sh\n", 0700);
    const Credentials who = nobody();
    EXPECT_EQ(ask(at("mine"), &who), -EACCES);
    EXPECT_EQ(ask("/bin/sh", &who), 0);
}

}  // namespace
}  // namespace undercoat::instrument
