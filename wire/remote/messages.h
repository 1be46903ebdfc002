// The messages between agents, relays and collectors as plain values. Their meaning: undercoat.proto and docs/protocol.md.
//
// Must stay true: every text of a decoded message is valid UTF-8 and within the limits below.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace undercoat::remote {

inline constexpr uint32_t kProtocol = 1;
inline constexpr const char* kSubprotocol = "undercoat.v1";
inline constexpr const char* kPath = "/agent/v1";

// Limits of a decoded message.
inline constexpr size_t kMaxFrame = 1 << 20;        // bytes on the wire
inline constexpr size_t kMaxPlain = 4 << 20;        // bytes after decompression
inline constexpr size_t kMaxAlerts = 4096;          // in a batch
inline constexpr size_t kMaxName = 512;             // a rule's, a host's, a tag's …
inline constexpr size_t kMaxText = 64 * 1024;       // an alert's message, its fields, its context
inline constexpr size_t kMaxPairs = 256;            // platform, counters, tags
inline constexpr uint32_t kStreams = 8;              // of an agent's run: by severity
inline constexpr size_t kMaxRules = 4 << 20;        // all rules files together

struct Hello {
    uint32_t protocol = kProtocol;
    std::string version, hostname, mode, rules_version;
    std::vector<std::string> tags;
    std::vector<std::pair<std::string, std::string>> platform;
    uint64_t started_ns = 0;
    bool relay = false;
    bool operator==(const Hello&) const = default;
};

struct Alert {
    uint64_t number = 0, time_ns = 0;
    uint32_t severity = 7;
    std::string rule, source, hostname, message;
    std::vector<std::string> tags;
    std::string fields, context;  // JSON objects as text; not checked by the codec
    bool operator==(const Alert&) const = default;
};

struct Batch {
    uint64_t epoch = 0;
    uint32_t stream = 0;
    std::vector<Alert> alerts;  // numbers rise
    bool operator==(const Batch&) const = default;
};

struct Heartbeat {
    uint64_t time_ns = 0;
    std::vector<std::pair<std::string, uint64_t>> counters;
    std::string rules_version, mode;
    bool operator==(const Heartbeat&) const = default;
};

struct RulesStatus {
    std::string version, message;
    bool applied = false;
    bool operator==(const RulesStatus&) const = default;
};

struct Gone {  // of an agent behind a relay
    bool operator==(const Gone&) const = default;
};

struct Up {
    std::string agent;
    std::variant<Hello, Batch, Heartbeat, RulesStatus, Gone> what;
    bool operator==(const Up&) const = default;
};

struct Welcome {
    uint32_t protocol = kProtocol;
    uint32_t heartbeat_seconds = 30;
    std::string server;
    bool operator==(const Welcome&) const = default;
};

struct Ack {
    uint64_t epoch = 0;
    uint32_t stream = 0;
    uint64_t number = 0;
    bool operator==(const Ack&) const = default;
};

struct Rules {
    std::string version;
    std::vector<std::pair<std::string, std::string>> files;  // name and content
    std::string scope;
    bool operator==(const Rules&) const = default;
};

struct Policy {
    std::vector<std::string> versions;
    bool operator==(const Policy&) const = default;
};

struct Down {
    std::string agent;
    std::variant<Welcome, Ack, Rules, Policy> what;
    bool operator==(const Down&) const = default;
};

}  // namespace undercoat::remote
