// What the outputs are to do, as flags and the configuration file say it.
//
// The names and defaults are those of Falco's configuration where they mean the same (settings_file.h reads them).
#pragma once

#include "uplink/settings.h"

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace undercoat::outputs {

// How lines look.
struct LineStyle {
    bool iso_time = false;        // time_format_iso_8601: of text lines
    bool output = true, message = false, fields = true, tags = true;  // json_include_*_property: keys of JSON lines
};

// One entry of append_output: what is added to the output of rules that fit.
struct AppendedOutput {
    std::string source, rule;         // empty: any
    std::vector<std::string> tags;    // all are needed
    std::string extra_output;         // a template, put behind the rule's with a blank between
    std::vector<std::pair<std::string, std::string>> extra_fields;  // key and template
    bool suggested = false;           // the container's id, name, image and pod
};

struct SyslogSettings {
    bool enabled = false;
    std::string address = "/dev/log";  // a unix socket, udp://HOST[:514] or tcp://HOST[:601]
};

struct ProgramSettings {
    bool enabled = false;
    bool keep_alive = false;  // one process for all alerts instead of one for each
    std::string program;      // for sh -c
};

struct HttpSettings {
    bool enabled = false;
    std::string url;
    std::string user_agent = "undercoat";
    bool insecure = false;        // do not check the server's certificate
    std::string ca_cert, ca_bundle, ca_path;  // trusted besides the system's; files and a directory
    bool mtls = false;
    std::string client_cert, client_key;
    bool keep_alive = false;      // keep the connection between alerts
    std::chrono::milliseconds timeout{5000};
};

struct WebSettings {
    bool enabled = false;
    std::string address = "0.0.0.0";
    uint16_t port = 8765;
    std::string socket;           // a unix socket instead of a port
    std::string healthz_path = "/healthz";
    bool prometheus = true;       // serve /metrics
};

struct DropSettings {  // syscall_event_drops
    double threshold = 0.1;       // of events, within a second
    bool log = true, alert = true;
    double rate = 0.03333;        // such alerts in a second, after the first max_burst ones
    double max_burst = 1;
};

// From which level on a coverage event is an alert, too (event/coverage.h). The numbers are those of the levels, and one less.
enum class CoverageAlerts { none = -1, nothing = 0, part = 1, all = 2 };

struct MetricsSettings {
    bool enabled = false;
    std::chrono::seconds interval{3600};
    bool output_rule = false;     // as an internal alert
    std::string output_file;      // as JSON lines; empty: none
};

// Where alerts are forwarded to, beside every output.
struct CollectorSettings : uplink::Settings {
    std::vector<std::string> tags;            // of this agent: "team:payments"
    std::string spool;                        // a directory, or "memory"; empty: one of the usual places
    size_t spool_bytes = 64 << 20, memory_bytes = 8 << 20;
    std::string agent_id;                     // empty: made at random
    std::chrono::milliseconds linger{3000};   // at the end
    bool rules_first = false;                 // UNDERCOAT_PRIORITY=security: the workload waits for rules
    std::chrono::seconds rules_timeout{30};   // so long at most
};

struct OutputSettings {
    LineStyle style;
    std::vector<AppendedOutput> append{AppendedOutput{"syscall", "", {}, "", {}, true}};
    std::vector<std::pair<std::string, std::string>> static_fields;
    size_t queue_capacity = 0;    // alerts that wait, for each channel; 0: kUnboundedQueue
    bool http_json = true;        // else its body is the text line
    std::vector<std::string> files, streams;  // besides the one that --alerts names; streams: stdout, stderr
    SyslogSettings syslog;
    ProgramSettings program;
    HttpSettings http;
    WebSettings web;
    DropSettings drops;
    MetricsSettings metrics;
    CollectorSettings collector;
    CoverageAlerts coverage = CoverageAlerts::nothing;
};

// Even "unbounded" must not eat the workload's memory.
inline constexpr size_t kUnboundedQueue = 100'000;

}  // namespace undercoat::outputs
