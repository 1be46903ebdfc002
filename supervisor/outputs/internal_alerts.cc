// See internal_alerts.h.
#include "supervisor/outputs/internal_alerts.h"

#include <algorithm>

namespace undercoat::outputs {
namespace {

constexpr uint64_t kSecond = 1'000'000'000;

uint64_t value_of(const std::vector<std::pair<std::string, uint64_t>>& all, const std::string& key) {
    for (const auto& [k, v] : all)
        if (k == key) return v;
    return 0;
}

}  // namespace

std::optional<DropMonitor::Finding> DropMonitor::look(const Metrics& m, uint64_t now_ns) {
    if (last_look_ != 0 && now_ns - last_look_ < kSecond) return std::nullopt;
    const double seconds =
        last_look_ == 0 ? 0 : static_cast<double>(now_ns - last_look_) / static_cast<double>(kSecond);
    tokens_ = std::min(tokens_ + seconds * settings_.rate, settings_.max_burst);
    last_look_ = now_ns;
    const uint64_t dropped = m.dropped_events() - dropped_, events = m.events - events_;
    dropped_ += dropped, events_ += events;
    if (dropped == 0 || static_cast<double>(dropped) < settings_.threshold * static_cast<double>(dropped + events))
        return std::nullopt;
    Finding f;
    f.alert = settings_.alert && tokens_ >= 1;
    if (!f.alert && !settings_.log) return std::nullopt;
    f.events = events, f.dropped = dropped;
    if (!f.alert) return f;
    tokens_ -= 1;
    f.events = m.events - told_events_, f.dropped = m.dropped_events() - told_dropped_;
    for (const auto& [reason, n] : m.drops)
        if (const uint64_t since = n - value_of(told_, reason); since != 0) f.by_reason.emplace_back(reason, since);
    told_ = m.drops, told_events_ = m.events, told_dropped_ = m.dropped_events();
    return f;
}

// Falco gives the numbers as text.
InternalAlert drop_alert(const DropMonitor::Finding& finding, uint64_t ts) {
    InternalAlert a;
    a.rule = "Falco internal: syscall event drop";
    a.priority = "Debug";
    a.message = a.rule + ". " + std::to_string(finding.dropped) + " system calls dropped since the last such alert.";
    a.ts = ts;
    const auto add = [&](std::string key, uint64_t n) { a.texts.emplace_back(std::move(key), std::to_string(n)); };
    add("n_evts", finding.events + finding.dropped);
    add("n_drops", finding.dropped);
    for (const auto& [reason, n] : finding.by_reason) add("n_drops_" + reason, n);
    std::sort(a.texts.begin(), a.texts.end());
    for (const auto& [key, text] : a.texts) a.fields.push_back({key, rules::Value::text(text)});
    return a;
}

InternalAlert coverage_alert(const event::Event& e, std::string_view proc) {
    InternalAlert a;
    a.rule = "Undercoat internal: coverage";
    const std::string_view level = e.param("level").text;
    a.priority = level == "nothing" ? "Warning" : level == "part" ? "Notice" : "Informational";
    a.message = a.rule + ". Of process " + std::to_string(e.pid) + " " + std::string(level) + " of the calls is seen: " +
                std::string(e.param("text").text) + ".";
    if (level == "calls") a.message = a.rule + ". Process " + std::to_string(e.pid) + " is seen by its calls alone: " + std::string(e.param("text").text) + ".";
    a.ts = e.ts;
    for (const char* key : {"level", "reason", "text"}) a.texts.emplace_back("evt.arg." + std::string(key), e.param(key).text);
    if (!proc.empty()) a.texts.emplace_back("proc.name", proc);
    for (const auto& [key, text] : a.texts) a.fields.push_back({key, rules::Value::text(text)});
    a.fields.push_back({"proc.pid", rules::Value::i64(e.pid)});
    return a;
}

bool alerts_of(CoverageAlerts wanted, const event::Event& e) {
    const std::string_view level = e.param("level").text;
    return (level == "nothing" ? 0 : level == "part" ? 1 : 2) <= static_cast<int>(wanted);
}

InternalAlert metrics_alert(const Metrics& m) {
    InternalAlert a;
    a.rule = "Falco internal: metrics snapshot";
    a.priority = "Informational";
    a.message = "Falco metrics snapshot";
    a.ts = m.now_ts;
    a.fields = metrics_fields(m);
    return a;
}

}  // namespace undercoat::outputs
