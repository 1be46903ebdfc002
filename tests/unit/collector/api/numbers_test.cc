// /metrics: the text format, and that each server tells the same of its connections.
#include "collector/api/numbers.h"

#include <gtest/gtest.h>

namespace undercoat::collector {
namespace {

TEST(Numbers, AreTextOfPrometheus) {
    const Numbers numbers{{"alerts_total", "counter", "Alerts.", 7}, {"agents", "gauge", "Agents known.", 0}};
    const net::Response r = metrics_answer("undercoat_test_", numbers);
    EXPECT_EQ(r.body,
              "# HELP undercoat_test_alerts_total Alerts.\n# TYPE undercoat_test_alerts_total counter\nundercoat_test_alerts_total 7\n"
              "# HELP undercoat_test_agents Agents known.\n# TYPE undercoat_test_agents gauge\nundercoat_test_agents 0\n");
}

TEST(Numbers, OfAServerAreEachItsOwn) {
    net::ServerCounters c;
    c.accepted = 1, c.open = 2, c.refused_full = 3, c.failed_handshakes = 4, c.bad_requests = 5, c.timeouts = 6;
    Numbers numbers;
    add_server_numbers(c, numbers);
    uint64_t expected = 0;
    for (const Number& n : numbers) EXPECT_EQ(n.value, ++expected) << n.name;
    EXPECT_EQ(numbers.size(), 6U);
}

}  // namespace
}  // namespace undercoat::collector
