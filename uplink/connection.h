// The connection of an agent or a relay upward: made again and again, with pauses, for as long as it is wanted.
//
// Must stay true: nothing is said before the connection's first words, and batches only after the welcome; trouble is logged
// once for each kind, however long it lasts. An object belongs to one thread, but for wake() and the counters.
#pragma once

#include "net/client.h"
#include "uplink/backoff.h"
#include "uplink/settings.h"
#include "wire/remote/codec.h"

#include <atomic>
#include <functional>
#include <memory>

namespace undercoat::uplink {

using Log = std::function<void(bool trouble, const std::string&)>;
using Clock = std::chrono::steady_clock;

// Whoever has something to say. Called by Connection::turn().
class Speaker {
public:
    virtual ~Speaker() = default;
    virtual void greet() = 0;  // a connection is there; what was not acknowledged before is to be sent again
    virtual void send() = 0;   // there is room, and the welcome has come
    virtual void beat() = 0;   // as often as the welcome asks for
    virtual void receive(remote::Down&& message) = 0;
};

class Connection {
public:
    // `what`: what is sent, for messages. Error: a setting cannot be used; a sentence.
    static Result<std::unique_ptr<Connection>> make(const Settings& settings, std::string what, Log log);

    // Connects if that is due, lets the speaker speak, and waits until something happens, or `until`.
    void turn(Speaker& speaker, Clock::time_point until);
    // Sends what waits, until `end` at most, and closes.
    void finish(Clock::time_point end);
    bool welcomed() const { return welcomed_; }
    bool has_room() const { return client_->is_open() && client_->waiting() < kInFlight; }
    // False: nothing is open, or far too much waits.
    bool send(std::string frame) { return client_->send(std::move(frame)); }
    bool send(const remote::Up& message);
    remote::Codec& codec() { return codec_; }
    // Ends the wait of turn(). From any thread.
    void wake() { client_->wake(); }

    struct Counters {
        uint64_t connected = 0, connects = 0, failures = 0;
    };
    Counters counters() const { return {connected_ ? 1U : 0U, connects_, failures_}; }

private:
    static constexpr size_t kInFlight = 512 << 10;  // bytes handed to the connection and not written yet
    Connection(const Settings& settings, std::string what, Log log, std::unique_ptr<net::WebSocketClient> client);
    void connect(Speaker& speaker);
    void receive(Speaker& speaker, const std::string& frame);
    void lost(const std::string& why);

    const std::string host_, port_, what_;
    const Log log_;
    std::unique_ptr<net::WebSocketClient> client_;
    remote::Codec codec_;
    Backoff backoff_;
    bool welcomed_ = false;
    std::chrono::seconds beat_every_{30};
    Clock::time_point next_beat_{}, patience_{};
    std::string last_trouble_;
    std::atomic<bool> connected_{false};
    std::atomic<uint64_t> connects_{0}, failures_{0};
};

}  // namespace undercoat::uplink
