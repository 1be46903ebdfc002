// Answers /healthz, /versions and /metrics over HTTP, on a port or a unix socket.
//
// Must stay true: a client that sends nonsense, sends slowly or never reads holds up nobody but itself; the number of
// connections and the size of requests are bounded. Runs in a thread of its own; no other event is touched from there.
#pragma once

#include "base/result.h"
#include "supervisor/outputs/settings.h"

#include <functional>
#include <memory>
#include <string>

namespace undercoat::outputs {

struct WebContent {
    std::function<std::string()> metrics;   // Prometheus text; called by the server's thread
    std::function<std::string()> versions;  // JSON
};

class WebServer {
public:
    // Error: it cannot listen there. A socket file that nobody listens on is replaced.
    static Result<std::unique_ptr<WebServer>> start(const WebSettings& settings, WebContent content);
    ~WebServer();
    // The port that it listens on; 0 on a unix socket.
    uint16_t port() const;

private:
    struct Impl;
    explicit WebServer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace undercoat::outputs
