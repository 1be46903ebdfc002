// Pauses between tries, and the kept name.
#include "uplink/backoff.h"
#include "uplink/identity.h"
#include "uplink/settings.h"
#include "wire/remote/messages.h"

#include <gtest/gtest.h>
#include <filesystem>

namespace undercoat::uplink {
namespace {

TEST(Backoff, PausesGrowToTheirLimitAndBeginAnew) {
    using namespace std::chrono_literals;
    Backoff b(100ms, 1000ms, 1);
    const auto now = Backoff::Clock::now();
    std::chrono::nanoseconds longest{};
    for (int i = 0; i < 20; ++i) {
        b.failed(now);
        EXPECT_GE(b.next_try() - now, 50ms);
        EXPECT_LE(b.next_try() - now, 1000ms);
        longest = std::max(longest, std::chrono::nanoseconds(b.next_try() - now));
    }
    EXPECT_GE(longest, 500ms);
    b.worked();
    b.failed(now);
    EXPECT_LE(b.next_try() - now, 100ms);
}

TEST(Settings, TagsThatTheProtocolDoesNotTakeAreNamedAndLeftOut) {
    const Lookup nothing = [](const char*) -> const char* { return nullptr; };
    const auto read = [&](const std::string& given, std::vector<std::string>& problems) {
        const std::map<std::string, std::string> file = {{"UNDERCOAT_TAGS", given}};
        std::vector<std::string> tags;
        Variables(file, nothing, problems).list("UNDERCOAT_TAGS", tags);
        return tags.size();
    };
    std::string many;
    for (size_t i = 0; i < remote::kMaxPairs; ++i) many += "t,";
    std::vector<std::string> problems;
    EXPECT_EQ(read("a:b,c", problems), 2U);
    EXPECT_EQ(read(many, problems), remote::kMaxPairs);
    EXPECT_TRUE(problems.empty());
    EXPECT_EQ(read(many + "t", problems), 0U);
    EXPECT_EQ(read(std::string(remote::kMaxName + 1, 'x'), problems), 0U);
    ASSERT_EQ(problems.size(), 2U);
    EXPECT_NE(problems[0].find("UNDERCOAT_TAGS holds 257 entries; 256 are allowed"), std::string::npos) << problems[0];
}

TEST(Identity, IsKeptInItsDirectory) {
    std::string directory = std::filesystem::temp_directory_path() / "uplink-test-XXXXXX";
    ASSERT_NE(::mkdtemp(directory.data()), nullptr);
    EXPECT_EQ(agent_id(directory), agent_id(directory));
    EXPECT_EQ(agent_id(directory).size(), 32U);
    EXPECT_NE(agent_id(""), agent_id(""));
    std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace undercoat::uplink
