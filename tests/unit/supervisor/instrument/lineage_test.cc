// Parents noted at birth.
#include "supervisor/instrument/lineage.h"

#include <gtest/gtest.h>
#include <memory>

namespace undercoat::instrument {
namespace {

TEST(Lineage, RemembersParentsOfThisVeryProcess) {
    auto registry = std::make_unique<wire::Registry>();
    LineageBook book(*registry);
    book.put(10, 3, 111);
    book.put(11, 10, 112);
    EXPECT_EQ(book.parent_of(10, 111), 3);
    EXPECT_EQ(book.parent_of(11, 112), 10);
    EXPECT_EQ(book.parent_of(11, 999), 0);  // the pid was used again
    EXPECT_EQ(book.parent_of(12, 112), 0);
    book.put(11, 4, 999);
    EXPECT_EQ(book.parent_of(11, 999), 4);
}

TEST(Lineage, OldestGiveWayWhenFull) {
    auto registry = std::make_unique<wire::Registry>();
    LineageBook book(*registry);
    const int many = static_cast<int>(wire::kLineageSize) * 2;
    for (int pid = 1; pid <= many; ++pid) book.put(pid, pid / 2, static_cast<uint64_t>(pid));
    int kept = 0;
    for (int pid = many - 1000; pid <= many; ++pid) kept += book.parent_of(pid, static_cast<uint64_t>(pid)) == pid / 2;
    EXPECT_GT(kept, 990);
}

}  // namespace
}  // namespace undercoat::instrument
