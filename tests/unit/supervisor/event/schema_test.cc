// The generated schema, the type list and the call numbers agree.
#include "supervisor/event/event.h"

#include <gtest/gtest.h>

namespace undercoat::event {
namespace {

TEST(Schema, IndexIsTheCallNumber) {
    ASSERT_EQ(kEventCount, wire::kCallCount);
    for (unsigned i = 0; i < kEventCount; ++i) EXPECT_STREQ(kEvents[i].name, wire::kCalls[i].name);
}

TEST(Schema, NoTypeHasMoreParametersThanAnEventHolds) {
    for (unsigned i = 0; i < kEventCount; ++i) EXPECT_LE(kEvents[i].nparams, kMaxParams) << kEvents[i].name;
}

TEST(Schema, FindsByName) {
    EXPECT_EQ(find_event("openat"), static_cast<int>(Call::openat));
    EXPECT_EQ(find_event("no_such_call"), -1);
    EXPECT_EQ(find_param(kEvents[find_event("openat")], "flags"), 3);
    EXPECT_EQ(find_param(kEvents[find_event("openat")], "nothing"), -1);
}

TEST(Schema, RelativePathsNameTheirDirectory) {
    const EventInfo& linkat = kEvents[find_event("linkat")];
    EXPECT_EQ(dirfd_param(linkat.params[find_param(linkat, "oldpath")]), 1);
    EXPECT_EQ(dirfd_param(linkat.params[find_param(linkat, "newpath")]), 3);
    EXPECT_EQ(dirfd_param(kEvents[find_event("open")].params[1]), -1);
    // The parameter that is named is a descriptor indeed.
    for (unsigned t = 0; t < kEventCount; ++t)
        for (unsigned i = 0; i < kEvents[t].nparams; ++i)
            if (const int d = dirfd_param(kEvents[t].params[i]); d >= 0) {
                EXPECT_EQ(kEvents[t].params[d].type, ParamType::FD) << kEvents[t].name;
            }
}

// Captured calls are decoded by parameter name: whatever has no source would be missing for ever.
TEST(Schema, CapturedCallsNameTheirArguments) {
    for (unsigned t = 0; t < kEventCount; ++t) {
        if (!wire::captured(wire::kCalls[t])) continue;
        EXPECT_EQ(kEvents[t].nargs, wire::kCalls[t].nargs) << kEvents[t].name;
    }
}

}  // namespace
}  // namespace undercoat::event
