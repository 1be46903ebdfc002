// Shared files that could fault or lie about their size are refused.
#include "supervisor/ingest/mapping.h"
#include "tests/unit/supervisor/support/ring_fixture.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace undercoat::ingest {
namespace {

TEST(Mapping, RefusesAFileThatCanShrink) {
    UniqueFd fd(memfd_create("test", MFD_ALLOW_SEALING));
    ASSERT_EQ(ftruncate(fd.get(), 1 << 20), 0);
    EXPECT_FALSE(map_ring(fd.get(), 64));
}

TEST(Mapping, RefusesAFileThatIsTooSmall) {
    const UniqueFd fd = test::sealed_memfd(wire::kControlSize + 63 * wire::kGranule);
    EXPECT_FALSE(map_ring(fd.get(), 64));
    EXPECT_TRUE(map_ring(fd.get(), 32));
}

TEST(Mapping, RefusesOddSizes) {
    const UniqueFd fd = test::sealed_memfd(1 << 20);
    for (uint32_t granules : {0u, 3u, 100u, wire::kTrapRingGranules * 2, 0xffffffffu}) EXPECT_FALSE(map_ring(fd.get(), granules));
}

TEST(Mapping, RefusesAnotherAbi) {
    test::TestRegistry registry;
    EXPECT_TRUE(map_registry(registry.fd()));
    registry.get().abi = wire::kAbi + 1;
    const Result<Mapping> r = map_registry(registry.fd());
    ASSERT_FALSE(r);
    EXPECT_NE(r.error().find("ABI"), std::string::npos);
}

}  // namespace
}  // namespace undercoat::ingest
