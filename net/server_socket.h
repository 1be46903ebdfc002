// One WebSocket of the server: what waits to be sent, and the two coroutines that move messages. See server.h.
//
// Must stay true: timers and the stream are touched by the server's thread only; the queue has a mutex.
#pragma once

#include "net/beast.h"
#include "net/server.h"

#include <deque>
#include <mutex>

namespace undercoat::net {

using SecureSocket = websocket::stream<Secure>;

class ServerSocket : public Socket, public std::enable_shared_from_this<ServerSocket> {
public:
    ServerSocket(std::shared_ptr<asio::io_context> io, SecureSocket stream, size_t send_limit)
        : io_(std::move(io)), stream_(std::move(stream)), wake_(*io_), resume_(*io_), send_limit_(send_limit) {}

    bool send(std::shared_ptr<const std::string> message, bool binary) override;
    size_t waiting() const override;
    void resume() override;
    void close(uint16_t code, std::string reason) override;

    SecureSocket& stream() { return stream_; }
    // Until the connection's end.
    asio::awaitable<void> read(SocketHandler& handler, size_t message_limit);
    asio::awaitable<void> write();
    // The connection is over: the writer ends.
    void end();

private:
    struct Item {
        std::shared_ptr<const std::string> message;
        bool binary;
    };
    void wake_writer();
    asio::awaitable<void> write_all();

    std::shared_ptr<asio::io_context> io_;
    SecureSocket stream_;
    asio::steady_timer wake_, resume_;
    const size_t send_limit_;
    mutable std::mutex mutex_;
    std::deque<Item> queue_;
    size_t bytes_ = 0;
    bool woken_ = false, closing_ = false, ended_ = false;
    bool resumed_ = false;  // the server's thread only
    uint16_t code_ = 1000;
    std::string reason_;
};

}  // namespace undercoat::net
