// NATS JetStream as the backbone (backbone.h): a stream in files, whose subjects divide the agents into parts.
//
// Must stay true: batches of one agent are in one part, in their order; a part is drained by one collector at a time, so that gaps in its
// numbers are few (progress.h bounds what is known of them).
#pragma once

#include "collector/backbone.h"

namespace undercoat::collector {

struct NatsSettings {
    std::string url;          // nats:// or tls://; several with commas
    std::string stream = "undercoat";
    std::string credentials;  // a file as `nsc` makes it; empty: none
    std::string token;        // empty: none
    std::string ca_file;      // of the servers' certificates; empty: the system's
    int replicas = 1;         // of a stream that is made
};

// Waits for a server that is not there yet, half a minute.
Result<std::unique_ptr<Backbone>> open_nats_backbone(const NatsSettings& settings, std::function<void(const std::string&)> log);

}  // namespace undercoat::collector
