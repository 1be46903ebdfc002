// The orchestrator as a whole: the server that agents talk to, the spool, and the uplink to the collector.
//
// Must stay true: an agent gets its acknowledgement when its alerts are in the spool; parts end in the order that lets each hand
// on what it holds: the server, the writer, the uplink.
#pragma once

#include "base/result.h"
#include "collector/auth/certificate.h"
#include "uplink/settings.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace undercoat::collector {

struct RelaySettings {
    std::string directory;
    uint64_t spool_bytes = 1024 << 20;
    std::string address = "0.0.0.0";
    uint16_t port = 6667;
    Certificate certificate;
    std::string client_ca;     // PEM; agents may then show a certificate of it besides their key
    unsigned max_connections = 4096;
    uint32_t heartbeat_seconds = 30;
    uplink::Settings upstream;
    std::vector<std::string> tags;  // of the orchestrator
    std::string hostname, version;
    std::function<void(const std::string&)> log;
};

class RelayService {
public:
    static Result<std::unique_ptr<RelayService>> start(RelaySettings settings);
    ~RelayService();
    uint16_t port() const;

private:
    struct Impl;
    explicit RelayService(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace undercoat::collector
