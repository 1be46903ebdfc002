// What the collector keeps of an alert, and of an agent.
//
// Must stay true: texts come from agents: valid UTF-8 and bounded (wire/remote/messages.h), otherwise anything; `fields` and
// `context` are JSON objects that were parsed once.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace undercoat::collector {

// Order of arrival: the number of the file that holds it, and its place in there. Written "3-1234".
struct AlertId {
    uint32_t file = 0;
    int64_t row = 0;
    auto operator<=>(const AlertId&) const = default;
    std::string text() const { return std::to_string(file) + "-" + std::to_string(row); }
};
bool parse_alert_id(std::string_view text, AlertId& out);

struct AlertRecord {
    AlertId id;
    int64_t time_ns = 0, received_ns = 0;  // since 1970
    unsigned severity = 7;                 // 0 emergency … 7 debug
    std::string rule, source, hostname, agent, message;
    std::string tags;                      // a JSON array of texts
    std::string fields, context;           // JSON objects
};

std::string_view priority_name(unsigned severity);  // "Warning"
// Any of Falco's spellings. False: it is none.
bool parse_priority(std::string_view name, unsigned& severity);

struct AgentRecord {
    std::string id, version, hostname, mode, rules_version, address;
    std::string key;          // the name of the access key with which it, or its relay, connected last
    std::string via;          // the relay through which it reports; empty: none
    bool relay = false;       // is one itself
    std::string rules_assigned;                // the version that it is to have; empty: its own rules
    std::string rules_refused, rules_message;  // the version that it could not load, and its loader's message
    std::vector<std::string> tags;
    std::vector<std::pair<std::string, std::string>> platform;
    std::map<std::string, uint64_t> counters;  // of its last heartbeat
    int64_t started_ns = 0, first_seen_ns = 0, last_seen_ns = 0;
    uint64_t alerts = 0;      // stored of it
    uint64_t missing = 0;     // numbers that never came
    bool connected = false;
};

int64_t now_ns();
// "2026-01-31T12:00:00.000000000Z".
std::string iso_time(int64_t ns);
// The same with fewer digits or none behind the seconds, "+00:00", or a plain number of seconds. False: it is none.
bool parse_time(std::string_view text, int64_t& ns);

}  // namespace undercoat::collector
