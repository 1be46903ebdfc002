// The collector as a whole: the store, the writer, and the server that agents, tools and browsers talk to.
//
// Must stay true: its parts end in the order that lets each hand on what it holds: first the server, then the writer.
#pragma once

#include "base/result.h"
#include "collector/auth/certificate.h"
#include "collector/store/sqlite_store.h"
#include "net/server.h"

#include <functional>
#include <memory>
#include <string>

namespace undercoat::collector {

struct ServiceSettings {
    StoreSettings store;       // its directory is the collector's
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

private:
    struct Impl;
    explicit Service(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace undercoat::collector
