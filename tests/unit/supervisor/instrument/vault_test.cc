// What is kept is found again, as often as somebody looks, and whatever is replaced in between.
#include "supervisor/instrument/vault.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <map>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace undercoat::instrument {
namespace {

UniqueFd file_of(off_t size) {
    UniqueFd f(memfd_create("vault-test", MFD_CLOEXEC));
    EXPECT_EQ(ftruncate(f.get(), size), 0);
    return f;
}

// Slot to size: the size is what tells the files apart.
std::map<uint32_t, off_t> found(Vault& v) {
    std::map<uint32_t, off_t> all;
    for (const Kept& k : v.look()) {
        struct stat s {};
        EXPECT_EQ(fstat(k.fd.get(), &s), 0);
        all[k.slot] = s.st_size;
    }
    return all;
}

TEST(Vault, LooksAsOftenAsAsked) {
    Vault v;
    ASSERT_TRUE(v.open());
    for (uint32_t i = 1; i <= 5; ++i) ASSERT_TRUE(v.keep({i, 100 + i, file_of(i).get()}));
    const std::map<uint32_t, off_t> all{{1, 1}, {2, 2}, {3, 3}, {4, 4}, {5, 5}};
    // Who looks is never who kept it, but another process after that one's death.
    const pid_t child = fork();
    if (child == 0) _exit(found(v) == all && v.keep({6, 106, file_of(6).get()}) ? 0 : 1);
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
    const pid_t last = fork();
    if (last == 0) _exit(found(v).size() == 6 ? 0 : 1);
    waitpid(last, &status, 0);
    EXPECT_EQ(status, 0);
}

TEST(Vault, ReplacesWhatItKeeps) {
    Vault v;
    ASSERT_TRUE(v.open());
    std::vector<UniqueFd> files;
    std::vector<VaultItem> items;
    for (uint32_t i = 1; i <= 450; ++i) {
        files.push_back(file_of(i));
        items.push_back({i, i, files.back().get()});
    }
    ASSERT_TRUE(v.replace(items));
    ASSERT_TRUE(v.replace(std::span(items).subspan(100)));
    const pid_t child = fork();
    if (child == 0) {
        const auto all = found(v);
        _exit(all.size() == 350 && all.count(100) == 0 && all.count(101) && all.at(450) == 450 ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
}

TEST(Vault, MakesRoomWhenItIsFull) {
    Vault v;
    ASSERT_TRUE(v.open());
    const UniqueFd f = file_of(1);
    uint32_t n = 0;
    while (n < 100000 && v.keep({n, 0, f.get()})) ++n;
    EXPECT_GT(n, 50u);
    EXPECT_LT(n, 100000u);
    const VaultItem one{7, 0, f.get()};
    EXPECT_TRUE(v.replace({&one, 1}));
    EXPECT_TRUE(v.keep(one)) << "there is room again";
}

}  // namespace
}  // namespace undercoat::instrument
