// Where alerts go that are forwarded to a collector, as the engine sees it.
//
// Must stay true: no call waits for the network, and take() never throws; what it could not keep is counted by whoever implements it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace undercoat::outputs {

struct TappedAlert {
    uint64_t key = 0;           // the same for the same rule and event after a restart; 0: there is none
    uint64_t ts = 0;            // ns since the epoch
    unsigned severity = 7;      // 0 emergency … 7 debug
    std::string_view rule, source, hostname;
    std::string_view message;   // without time and priority
    std::span<const std::string> tags;
    std::string_view fields;    // JSON objects: of the output, and more of the event
    std::string_view context;
};

struct TappedRules {
    std::string version;  // empty: the agent's own are to be used
    std::vector<std::pair<std::string, std::string>> files;  // name and content
};

class AlertTap {
public:
    using Counts = std::vector<std::pair<std::string, uint64_t>>;
    virtual ~AlertTap() = default;
    virtual void take(const TappedAlert& alert) = 0;
    virtual uint64_t taken() const = 0;
    // How many of them the death of this process cannot take away any more, or are counted as dropped.
    virtual uint64_t safe() const = 0;
    // What the engine counts, for the next heartbeat.
    virtual void tell(Counts counters, std::string rules_version) = 0;
    // Begins to talk, with the version of the rules in use.
    virtual void begin(std::string rules_version) = 0;
    // The rules that a run before was given and used; nothing: there are none.
    virtual std::optional<TappedRules> kept_rules() = 0;
    // Rules that have come since the last call.
    virtual std::optional<TappedRules> new_rules() = 0;
    // What became of them, and the version in use since; applied ones are kept for the next start.
    virtual void rules_done(const std::string& version, bool applied, const std::string& message, const std::string& in_use) = 0;
    // Whether an answer about rules has come since begin(), and new_rules() has given what came.
    virtual bool rules_answered() const = 0;
    // By name, for metrics.
    virtual Counts counters() const = 0;
};

}  // namespace undercoat::outputs
