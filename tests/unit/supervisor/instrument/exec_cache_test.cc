// A good executable is known again until it, its interpreter or the asker's rights change.
#include <chrono>
#include <thread>

#include "supervisor/instrument/infer.h"
#include "tests/unit/supervisor/instrument/temp_tree.h"

namespace undercoat::instrument {
namespace {

class ExecCacheTest : public TempTree {
protected:
    ExecCache cache;

    bool known(const std::string& path, const Credentials& who, ExecFile* out = nullptr) {
        ExecFile file;
        const bool hit = cache.find(View(getpid(), getpid(), who, true), path.c_str(), file);
        if (out) *out = file;
        return hit;
    }
    void judge(const std::string& path, const Credentials& who) {
        const View view(getpid(), getpid(), who, true);
        Found found;
        ExecTrail trail;
        const Verdict v = infer_exec(view, AT_FDCWD, path.c_str(), 0, &found, &trail);
        ASSERT_TRUE(found) << path;
        ExecFile file{true, true, FileKey::of(found.st).changed, {found.st.st_dev, found.st.st_ino, found.st.st_mode, 0}};
        if (v.known && v.result == 0) cache.put(view, trail, file);
    }
    // Files that have just changed are not kept; they are a moment later.
    bool becomes_known(const std::string& path) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (std::chrono::steady_clock::now() < until) {
            judge(path, me);
            if (known(path, me)) return true;
            std::this_thread::yield();
        }
        return false;
    }
    // Interpreters are looked at again after a moment.
    bool becomes_unknown(const std::string& path) {
        const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (known(path, me) && std::chrono::steady_clock::now() < until) std::this_thread::yield();
        return !known(path, me);
    }
};

TEST_F(ExecCacheTest, KnowsProgramsAgain) {
    EXPECT_FALSE(known("/bin/sh", me));
    ASSERT_TRUE(becomes_known("/bin/sh"));
    ExecFile file;
    struct stat st;
    ASSERT_EQ(stat("/bin/sh", &st), 0);
    ASSERT_TRUE(known("/bin/sh", me, &file));
    EXPECT_TRUE(file.known);
    EXPECT_EQ(file.info.ino, st.st_ino);
    EXPECT_EQ(file.changed, FileKey::of(st).changed);
}

TEST_F(ExecCacheTest, ForgetsWhatChanges) {
    file("inner", "#!/bin/sh\n", 0755);
    ASSERT_TRUE(becomes_known(at("inner")));
    ASSERT_EQ(chmod(at("inner").c_str(), 0644), 0);
    EXPECT_FALSE(known(at("inner"), me));
    file("script", "#!/bin/sh\n", 0755);
    ASSERT_TRUE(becomes_known(at("script")));
    ASSERT_EQ(unlink(at("script").c_str()), 0);
    EXPECT_FALSE(known(at("script"), me));
    file("script", "#!/no/such\n", 0755);
    EXPECT_FALSE(known(at("script"), me));
}

TEST_F(ExecCacheTest, ForgetsWhenAnInterpreterChanges) {
    ASSERT_EQ(symlink("/bin/sh", at("run").c_str()), 0);
    file("script", "#!" + at("run") + "\n", 0755);
    ASSERT_TRUE(becomes_known(at("script")));
    ASSERT_EQ(unlink(at("run").c_str()), 0);
    EXPECT_TRUE(becomes_unknown(at("script")));
}

// A name is believed for a moment, in which the file may be renamed; it belongs to one verdict.
TEST_F(ExecCacheTest, LearnsWhatTheLinkSays) {
    ASSERT_TRUE(becomes_known("/bin/sh"));
    ExecFile file;
    ASSERT_TRUE(known("/bin/sh", me, &file));
    EXPECT_EQ(file.exe_link(), "");
    cache.learn_link(file, "/the/shell");
    ExecFile again;
    ASSERT_TRUE(known("/bin/sh", me, &again));
    // On a busy machine the moment may have passed already.
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (again.exe_link().empty() && std::chrono::steady_clock::now() < until) {
        if (!known("/bin/sh", me, &file)) judge("/bin/sh", me);
        cache.learn_link(file, "/the/shell");
        known("/bin/sh", me, &again);
    }
    EXPECT_EQ(again.exe_link(), "/the/shell");
    judge("/bin/sh", me);
    cache.learn_link(file, "/of/before");
    ASSERT_TRUE(known("/bin/sh", me, &again));
    EXPECT_EQ(again.exe_link(), "");
    const std::string too_long(sizeof file.link + 1, 'x');
    cache.learn_link(again, too_long);
    ASSERT_TRUE(known("/bin/sh", me, &again));
    EXPECT_EQ(again.exe_link(), "");
}

TEST_F(ExecCacheTest, KeepsRightsAndNamesApart) {
    ASSERT_TRUE(becomes_known("/bin/sh"));
    Credentials other = me;
    other.fsgid += 1;
    EXPECT_FALSE(known("/bin/sh", other));
    judge("/proc/self/exe", me);
    EXPECT_FALSE(known("/proc/self/exe", me));
    ExecFile file;
    EXPECT_FALSE(cache.find(View(getpid(), getpid(), me, false), "/bin/sh", file));
}

}  // namespace
}  // namespace undercoat::instrument
