// See metrics.h. The form is Prometheus' text format 0.0.4.
#include "supervisor/outputs/metrics.h"

#include <algorithm>

namespace undercoat::outputs {
namespace {

std::string label(std::string_view value) {
    std::string s = "\"";
    for (const char c : value) {
        if (c == '\n') s += "\\n";
        else if (c == '"' || c == '\\') s.append(1, '\\').append(1, c);
        else s += c;
    }
    return s + '"';
}

// Letters, digits and underscores, as names of labels must be.
std::string name_part(std::string_view text) {
    std::string s;
    for (const char c : text) s += (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? c : '_';
    return s;
}

class Writer {
public:
    void family(const char* name, const char* type, const char* help) {
        name_ = name;
        out.append("# HELP ")
            .append(name)
            .append(" ")
            .append(help)
            .append("\n# TYPE ")
            .append(name)
            .append(" ")
            .append(type) += '\n';
    }
    void value(uint64_t v, const std::string& labels = "") {
        out += name_;
        if (!labels.empty()) out.append("{").append(labels).append("}");
        out.append(" ").append(std::to_string(v)) += '\n';
    }
    std::string out;

private:
    std::string name_;
};

void write_rules(const Metrics& m, Writer& w) {
    w.family("falcosecurity_falco_rules_matches_total", "counter", "How often each rule matched.");
    for (const RuleMatches& r : m.matches) {
        std::string labels =
            "rule_name=" + label(r.rule) + ",priority=" + label(r.priority) + ",source=" + label(r.source);
        for (const std::string& tag : r.tags) labels += ",tag_" + name_part(tag) + "=\"true\"";
        w.value(r.matches, labels);
    }
}

void write_channels(const Metrics& m, Writer& w) {
    w.family("undercoat_output_alerts_total", "counter", "Alerts by output and what became of them.");
    for (const Fanout::State& c : m.channels) {
        const auto one = [&](const char* outcome, uint64_t n) {
            w.value(n, "output=" + label(c.name) + ",outcome=" + label(outcome));
        };
        one("delivered", c.counters.delivered);
        one("refused", c.counters.refused);
        one("dropped", c.counters.dropped);
    }
    w.family("undercoat_output_errors_total", "counter", "Deliveries that have to be tried again.");
    for (const Fanout::State& c : m.channels) w.value(c.counters.errors, "output=" + label(c.name));
    w.family("undercoat_output_waiting", "gauge", "Alerts in the queue of each output.");
    for (const Fanout::State& c : m.channels) w.value(c.counters.waiting, "output=" + label(c.name));
}

}  // namespace

uint64_t Metrics::dropped_events() const {
    uint64_t n = 0;
    for (const auto& d : drops) n += d.second;
    return n;
}

uint64_t Metrics::dropped_alerts() const {
    uint64_t n = alert_lines_dropped;
    for (const Fanout::State& c : channels) n += c.counters.dropped;
    return n;
}

std::string prometheus_text(const Metrics& m) {
    Writer w;
    w.family("falcosecurity_falco_version_info", "gauge", "The version of this program.");
    w.value(1, "version=" + label(m.version));
    w.family("falcosecurity_evt_hostname_info", "gauge", "The host's name.");
    w.value(1, "hostname=" + label(m.hostname));
    w.family("falcosecurity_falco_start_timestamp_nanoseconds", "gauge", "When this program started.");
    w.value(m.start_ts);
    w.family("falcosecurity_falco_duration_seconds_total", "counter", "For how long it has run.");
    w.value((m.now_ts - std::min(m.start_ts, m.now_ts)) / 1'000'000'000);
    w.family("falcosecurity_scap_n_evts_total", "counter", "Events that rules have seen.");
    w.value(m.events);
    w.family("falcosecurity_scap_n_drops_total", "counter", "Events that were lost.");
    w.value(m.dropped_events());
    w.family("undercoat_drops_total", "counter", "Events that were lost, by reason.");
    for (const auto& [reason, n] : m.drops) w.value(n, "reason=" + label(reason));
    w.family("undercoat_coverage_total", "counter", "Processes that are not seen, or not wholly, by reason and what is seen.");
    for (const CoverageCount& c : m.coverage) w.value(c.processes, "reason=" + label(c.reason) + ",level=" + label(c.level));
    w.family("undercoat_stack_failures_total", "counter", "Call stacks that could not be put into words in time.");
    w.value(m.stack_failures);
    w.family("falcosecurity_falco_outputs_queue_num_drops_total", "counter",
             "Alerts that an output could not take, of all outputs.");
    w.value(m.dropped_alerts());
    w.family("undercoat_alerts_total", "counter", "Alerts raised.");
    w.value(m.alerts);
    w.family("undercoat_alerts_not_repeated_total", "counter", "Alerts that were written before a restart.");
    w.value(m.duplicates);
    w.family("undercoat_lines_dropped_total", "counter", "Lines that the main outputs could not take.");
    w.value(m.alert_lines_dropped, "log=\"alerts\"");
    w.value(m.event_lines_dropped, "log=\"events\"");
    w.family("undercoat_write_errors_total", "counter", "Failed writes of the main outputs.");
    w.value(m.write_errors);
    w.family("undercoat_file_hashes_total", "counter", "Executed files whose hash was asked for, by outcome.");
    w.value(m.hashes.hashed, "outcome=\"hashed\"");
    w.value(m.hashes.late, "outcome=\"late\"");
    w.value(m.hashes.refused, "outcome=\"refused\"");
    w.value(m.hashes.crowded, "outcome=\"crowded\"");
    w.family("undercoat_rules", "gauge", "Rules in use.");
    w.value(m.rules);
    write_rules(m, w);
    write_channels(m, w);
    if (m.forward.empty()) return w.out;
    w.family("undercoat_forward", "gauge", "Forwarding to the collector, by what is counted.");
    for (const auto& [name, n] : m.forward) w.value(n, "what=" + label(name));
    return w.out;
}

std::vector<AlertField> metrics_fields(const Metrics& m) {
    using rules::Value;
    uint64_t matches = 0;
    for (const RuleMatches& r : m.matches) matches += r.matches;
    std::vector<AlertField> f = {
        {"evt.hostname", Value::text(m.hostname)},
        {"evt.source", Value::text("syscall")},
        {"falco.duration_sec", Value::u64((m.now_ts - std::min(m.start_ts, m.now_ts)) / 1'000'000'000)},
        {"falco.num_evts", Value::u64(m.events)},
        {"falco.outputs_queue_num_drops", Value::u64(m.dropped_alerts())},
        {"falco.rules.matches_total", Value::u64(matches)},
        {"falco.start_ts", Value::u64(m.start_ts)},
        {"falco.version", Value::text(m.version)},
        {"scap.n_drops", Value::u64(m.dropped_events())},
        {"scap.n_evts", Value::u64(m.events)},
        {"undercoat.alerts", Value::u64(m.alerts)},
        {"undercoat.event_lines_dropped", Value::u64(m.event_lines_dropped)},
        {"undercoat.write_errors", Value::u64(m.write_errors)},
    };
    for (const auto& [reason, n] : m.drops) f.push_back({"undercoat.drops." + reason, Value::u64(n)});
    for (const CoverageCount& c : m.coverage)
        f.push_back({"undercoat.coverage." + c.level + "." + c.reason, Value::u64(c.processes)});
    for (const RuleMatches& r : m.matches) f.push_back({"falco.rules." + name_part(r.rule), Value::u64(r.matches)});
    std::stable_sort(f.begin(), f.end(), [](const auto& a, const auto& b) { return a.key < b.key; });
    return f;
}

}  // namespace undercoat::outputs
