// An HTTP and WebSocket server, over TLS or not, on a port or a unix socket. Boost.Beast stays behind this header.
//
// Must stay true: a client that sends nonsense, sends slowly or never reads holds up nobody but itself: headers, bodies,
// messages, time and what waits to be sent are bounded for each connection, and the number of connections is. All handlers
// are called by the server's one thread and must return at once; what takes longer is answered later from another thread.
#pragma once

#include "base/result.h"
#include "net/http.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <variant>

namespace undercoat::net {

struct ServerTls {
    std::string certificate, key;  // PEM texts; no certificate: no TLS
    std::string client_ca;         // PEM; where given, clients may show a certificate of it
};

struct ServerSettings {
    std::string address = "0.0.0.0";
    uint16_t port = 0;              // 0: any
    std::string unix_socket;        // instead of a port; a socket file that nobody listens on is replaced
    ServerTls tls;                  // 1.3 only
    unsigned max_connections = 32;
    std::chrono::milliseconds patience{10'000};   // for a handshake, for headers, and for a body
    std::chrono::milliseconds idle{60'000};       // between requests; WebSockets are pinged after half of it
    bool keep_alive = true;
    size_t header_limit = 16 * 1024;
    size_t message_limit = 1 << 20;  // of a WebSocket message, before it is decompressed
    size_t send_limit = 8 << 20;     // bytes that wait for a WebSocket's client
};

// One WebSocket, for whoever sends on it. Thread-safe; calls after its end do nothing.
class Socket {
public:
    virtual ~Socket() = default;
    // False: more than send_limit waits already, or the connection is at its end; the message is not sent.
    virtual bool send(std::shared_ptr<const std::string> message, bool binary) = 0;
    virtual size_t waiting() const = 0;  // bytes
    // Reads on after SocketHandler::on_message has returned false.
    virtual void resume() = 0;
    // Sends what waits, then a close frame.
    virtual void close(uint16_t code, std::string reason) = 0;
};

// What happens on one WebSocket. Called by the server's thread; destroyed at the connection's end.
class SocketHandler {
public:
    virtual ~SocketHandler() = default;
    // False: no more until Socket::resume().
    virtual bool on_message(std::string_view message, bool binary) = 0;
};

class Respond {  // answers one request, once; from any thread. Destroyed without an answer it answers 500.
public:
    struct State;
    explicit Respond(std::shared_ptr<State> state) : state_(std::move(state)) {}
    void operator()(Response response) const;

private:
    std::shared_ptr<State> state_;
};

using Upgrade = std::variant<Response, std::function<std::unique_ptr<SocketHandler>(std::shared_ptr<Socket>)>>;

struct ServerHandlers {
    // The largest body that this request may have; the Request has no body yet.
    std::function<size_t(const Request&)> body_limit = [](const Request&) { return size_t{0}; };
    std::function<void(Request, Respond)> http;
    // A refusal, or what makes the handler of the new WebSocket. None: there are no WebSockets here.
    std::function<Upgrade(const Request&)> upgrade;
};

struct ServerCounters {
    uint64_t accepted = 0;
    uint64_t refused_full = 0;        // connections beyond max_connections
    uint64_t failed_handshakes = 0;   // TLS
    uint64_t bad_requests = 0;        // no HTTP, or beyond a limit
    uint64_t timeouts = 0;
    uint64_t open = 0;
};

class Server {
public:
    // Error: it cannot listen there, or the certificate is none.
    static Result<std::unique_ptr<Server>> start(const ServerSettings& settings, ServerHandlers handlers);
    ~Server();
    // The port that it listens on; 0 on a unix socket.
    uint16_t port() const;
    ServerCounters counters() const;

private:
    struct Impl;
    explicit Server(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace undercoat::net
