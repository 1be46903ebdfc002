// The collector as a whole: the store, the writer, and the server that agents, tools and browsers talk to.
//
// Must stay true: its parts end in the order that lets each hand on what it holds: first the server, then the writer.
#pragma once

#include "base/result.h"
#include "collector/auth/accounts.h"
#include "collector/auth/certificate.h"
#include "collector/backend.h"
#include "net/server.h"

#include <functional>
#include <memory>
#include <string>

namespace undercoat::collector {

struct ServiceSettings {
    std::unique_ptr<Backend> backend;
    std::unique_ptr<Backbone> backbone;  // null: what is taken in is stored at once
    bool ingest = false;                 // only takes in: others drain the backbone
    std::chrono::hours max_age{24 * 30};  // of agents that are silent
    std::string address = "0.0.0.0";
    uint16_t port = 6443;
    Certificate certificate;
    std::string client_ca;     // PEM; agents may then show a certificate of it instead of a key
    unsigned max_connections = 4096;
    uint32_t heartbeat_seconds = 30;
    std::string version;
    std::function<void(const std::string&)> log;
};

class Service {
public:
    static Result<std::unique_ptr<Service>> start(ServiceSettings settings);
    ~Service();
    uint16_t port() const;
    Accounts& accounts();

private:
    struct Impl;
    explicit Service(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace undercoat::collector
