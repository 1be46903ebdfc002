// Payloads of Falco and falcosidekick, and what is none.
#include "collector/ingest/falco_payload.h"

#include <gtest/gtest.h>

namespace undercoat::collector {
namespace {

TEST(FalcoPayload, IsTakenApart) {
    const auto a = parse_falco_payload(R"json({"hostname":"n1","output":"12:00:00.123456789: Error File below etc opened (file=/etc/x)",
        "output_fields":{"fd.name":"/etc/x","evt.time":1700000000123456789,"proc.pid":7},"priority":"Error","rule":"Write below etc",
        "source":"syscall","tags":["filesystem"],"time":"2023-11-14T22:13:20.123456789Z","uuid":"abc"})json");
    ASSERT_TRUE(a) << a.error();
    EXPECT_EQ(a->rule, "Write below etc");
    EXPECT_EQ(a->severity, 3U);
    EXPECT_EQ(a->message, "File below etc opened (file=/etc/x)");
    EXPECT_EQ(a->time_ns, 1'700'000'000'123'456'789U);
    EXPECT_EQ(a->fields, R"({"fd.name":"/etc/x","evt.time":1700000000123456789,"proc.pid":7})");
    EXPECT_EQ(a->context, R"({"uuid":"abc"})");
    EXPECT_EQ(a->tags, std::vector<std::string>{"filesystem"});
}

TEST(FalcoPayload, NeedsOnlyRuleAndPriority) {
    const auto a = parse_falco_payload(R"({"rule":"r","priority":"informational","output":"12: x: y"})");
    ASSERT_TRUE(a) << a.error();
    EXPECT_EQ(a->severity, 6U);
    EXPECT_EQ(a->message, "12: x: y");
    EXPECT_EQ(a->fields, "{}");
}

TEST(FalcoPayload, SaysWhatIsMissing) {
    for (const auto& [body, why] : {std::pair{"", "no JSON"},
                                    {"[]", "object"},
                                    {"{}", "rule"},
                                    {R"({"rule":5})", "rule"},
                                    {R"({"rule":"r","priority":"huge"})", "priority"},
                                    {"{\"rule\":\"\xff\"}", "no JSON"}}) {
        const auto a = parse_falco_payload(body);
        ASSERT_FALSE(a) << body;
        EXPECT_NE(a.error().find(why), std::string::npos) << a.error();
    }
    EXPECT_FALSE(parse_falco_payload(std::string(1000, '[')));
    EXPECT_FALSE(parse_falco_payload(std::string(kMaxPayload + 1, ' ')));
}

}  // namespace
}  // namespace undercoat::collector
