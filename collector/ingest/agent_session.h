// The WebSocket of an agent or a relay.
//
// Must stay true: the first message says who it is; only who logged in with a relay's key speaks for others, and trouble with one of
// those is that one's alone; an acknowledgement goes out only after the commit; a key that was taken back is worth nothing from
// the next message on; whatever is sent, the worst that happens is that this connection is closed with a reason, and counted.
#pragma once

#include "collector/auth/accounts.h"
#include "collector/store/store.h"
#include "net/server.h"
#include "wire/remote/codec.h"

#include <atomic>
#include <functional>
#include <set>

namespace undercoat::collector {

// One agent on one connection.
struct AgentLink {
    std::string agent, peer;
    std::string via;  // the relay whose connection it is; empty: its own
    std::string key;  // the name of the access key
    std::shared_ptr<net::Socket> socket;
};

// Where what agents say goes. Called by the server's thread; `frame` is the message as it came.
class Intake {
public:
    virtual ~Intake() = default;
    // Who it is; also again, when that has changed. False: there are too many agents.
    virtual bool hello(const AgentLink& link, const remote::Hello& hello, std::string_view frame) = 0;
    // The welcome to that Hello has gone out.
    virtual void welcomed(const AgentLink& link, const remote::Hello& hello) = 0;
    // It is there from now on; gone() comes for each of these.
    virtual void arrived(const AgentLink& link) = 0;
    virtual void gone(const AgentLink& link) = 0;
    virtual void heartbeat(const std::string& agent, const remote::Heartbeat& heartbeat, std::string_view frame) = 0;
    virtual void rules_status(const std::string& agent, const remote::RulesStatus& status, std::string_view frame) = 0;
    virtual bool full() const = 0;  // nothing can be taken just now
    // As Writer::submit.
    virtual bool batch(Incoming batch, std::string_view frame, std::function<void()> done, std::function<void()> go_on) = 0;
};

struct AgentService {  // what all sessions share; the server's thread, but for the counters
    Intake& intake;
    Accounts& accounts;
    std::function<void(const std::string&)> log;
    std::string server_name;
    uint32_t heartbeat_seconds = 30;
    remote::Codec codec;
    std::atomic<uint64_t> bad_frames{0};
    std::atomic<uint64_t> sessions{0};
};

std::unique_ptr<net::SocketHandler> make_agent_session(std::shared_ptr<AgentService> service, std::shared_ptr<net::Socket> socket,
                                                       std::string peer, Accounts::Holder key);

}  // namespace undercoat::collector
