// When dropped events become an alert, and what it says; and the form of the metrics.
#include "supervisor/outputs/internal_alerts.h"

#include <gtest/gtest.h>

namespace undercoat::outputs {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

Metrics with(uint64_t events, uint64_t full, uint64_t holes = 0) {
    Metrics m;
    m.events = events;
    m.drops = {{"ring_full", full}, {"holes", holes}};
    return m;
}

TEST(DropMonitor, TellsOfMoreThanTheThreshold) {
    DropMonitor d(DropSettings{0.1, true, true, 0.5, 1});
    EXPECT_FALSE(d.look(with(100, 0), kSecond));
    EXPECT_FALSE(d.look(with(1000, 99), 2 * kSecond));  // 99 of 999
    const auto found = d.look(with(1090, 109), 3 * kSecond);  // 10 of 100
    ASSERT_TRUE(found);
    EXPECT_TRUE(found->alert);
    EXPECT_EQ(found->dropped, 109u);  // all that nobody has heard of yet
    EXPECT_EQ(found->by_reason, (std::vector<std::pair<std::string, uint64_t>>{{"ring_full", 109}}));
}

TEST(DropMonitor, LooksOnceASecondAndFloodsNobody) {
    DropMonitor d(DropSettings{0, false, true, 0.5, 1});
    EXPECT_TRUE(d.look(with(0, 5), kSecond));
    EXPECT_FALSE(d.look(with(0, 6), kSecond + 1));
    EXPECT_FALSE(d.look(with(0, 7), 2 * kSecond));  // half a token
    const auto next = d.look(with(0, 9, 1), 3 * kSecond);
    ASSERT_TRUE(next);
    EXPECT_EQ(next->dropped, 5u);
    EXPECT_FALSE(d.look(with(0, 9, 1), 60 * kSecond));  // nothing new
}

TEST(DropMonitor, LogsWithoutATokenAndKeepsSilentWhereNothingIsWanted) {
    DropMonitor log(DropSettings{0, true, true, 0, 0});
    const auto found = log.look(with(0, 5), kSecond);
    ASSERT_TRUE(found);
    EXPECT_FALSE(found->alert);
    DropMonitor none(DropSettings{0, false, false, 1, 1});
    EXPECT_FALSE(none.look(with(0, 5), kSecond));
}

TEST(InternalAlerts, HaveFalcosForm) {
    DropMonitor::Finding f;
    f.events = 90, f.dropped = 10, f.alert = true;
    f.by_reason = {{"ring_full", 10}};
    const InternalAlert a = drop_alert(f, 1700000000123456789);
    std::string json;
    append_json_line(a, "box", json);
    EXPECT_EQ(
        json,
        R"({"hostname":"box","output":"Falco internal: syscall event drop. 10 system calls dropped since the last such alert.",)"
        R"("output_fields":{"evt.time":1700000000123456789,"n_drops":"10","n_drops_ring_full":"10","n_evts":"100"},)"
        R"("priority":"Debug","rule":"Falco internal: syscall event drop","source":"internal",)"
        R"("time":"2023-11-14T22:13:20.123456789Z"})"
        "\n");
    std::string text;
    append_text_line(a, text);
    EXPECT_TRUE(text.ends_with(
        R"(: Debug Falco internal: syscall event drop. 10 system calls dropped since the last such alert. )"
        R"((n_drops="10" n_drops_ring_full="10" n_evts="100"))"
        "\n"))
        << text;
}

TEST(Metrics, PrometheusTextNamesWhatWasLost) {
    Metrics m = with(7, 3, 1);
    m.version = "1.\"2";
    m.matches = {{"A \"rule\"\\", "Warning", "syscall", {"T1070", "a-b"}, 4}};
    m.channels = {{"http", {5, 1, 2, 9, 3}}};
    m.alert_lines_dropped = 1;
    const std::string text = prometheus_text(m);
    for (const char* line :
         {"falcosecurity_falco_version_info{version=\"1.\\\"2\"} 1\n", "falcosecurity_scap_n_evts_total 7\n",
          "falcosecurity_scap_n_drops_total 4\n", "undercoat_drops_total{reason=\"holes\"} 1\n",
          "falcosecurity_falco_outputs_queue_num_drops_total 3\n",
          "falcosecurity_falco_rules_matches_total{rule_name=\"A \\\"rule\\\"\\\\\",priority=\"Warning\","
          "source=\"syscall\",tag_T1070=\"true\",tag_a_b=\"true\"} 4\n",
          "undercoat_output_alerts_total{output=\"http\",outcome=\"dropped\"} 2\n",
          "undercoat_output_waiting{output=\"http\"} 3\n"})
        EXPECT_NE(text.find(line), text.npos) << line << text;
    // Every family is described once, before its values.
    for (size_t at = 0, next; at < text.size(); at = next + 1) {
        next = text.find('\n', at);
        const std::string line = text.substr(at, next - at);
        if (line.starts_with('#')) continue;
        const std::string name = line.substr(0, line.find_first_of(" {"));
        EXPECT_NE(text.find("# TYPE " + name + " "), text.npos) << line;
    }
}

}  // namespace
}  // namespace undercoat::outputs
