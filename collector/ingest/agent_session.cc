// See agent_session.h.
#include "collector/ingest/agent_session.h"

#include "collector/json.h"

namespace undercoat::collector {
namespace {

constexpr uint16_t kProtocolError = 1002, kNotAllowed = 1008, kTryLater = 1013;

// Acknowledgements are made by the writer's thread, which has a codec of its own.
void send_ack(net::Socket& socket, const std::string& agent, const remote::Ack& ack) {
    static thread_local remote::Codec codec;
    auto frame = codec.encode(remote::Down{agent, ack});
    if (frame) socket.send(std::make_shared<const std::string>(std::move(*frame)), true);
}

class AgentSession : public net::SocketHandler {
public:
    AgentSession(std::shared_ptr<AgentService> service, std::shared_ptr<net::Socket> socket, std::string peer, Accounts::Holder key)
        : service_(std::move(service)), socket_(std::move(socket)), peer_(std::move(peer)), key_(std::move(key)) {
        ++service_->sessions;
    }
    ~AgentSession() override {
        for (const std::string& id : present_) service_->intake.gone(link(id));
        --service_->sessions;
    }

    bool on_message(std::string_view message, bool binary) override {
        if (!service_->accounts.key_holds(key_.id)) return refuse("its access key was taken back", kNotAllowed);
        if (!binary) return refuse("a text message");
        auto up = service_->codec.decode_up(message);
        if (!up) return refuse(up.error());
        if (auto* hello = std::get_if<remote::Hello>(&up->what)) return greet(up->agent, *hello, message);
        if (relay_.empty() && up->agent != agent_) return refuse("an agent that has not said who it is");
        if (auto* batch = std::get_if<remote::Batch>(&up->what)) return take(up->agent, std::move(*batch), message);
        if (auto* heartbeat = std::get_if<remote::Heartbeat>(&up->what))
            service_->intake.heartbeat(up->agent, *heartbeat, message);
        if (auto* status = std::get_if<remote::RulesStatus>(&up->what))
            service_->intake.rules_status(up->agent, *status, message);
        if (std::holds_alternative<remote::Gone>(up->what) && present_.erase(up->agent))
            service_->intake.gone(link(up->agent));
        return true;
    }

private:
    // `why` must fit into a close frame.
    bool refuse(const std::string& why, uint16_t code = kProtocolError) {
        ++service_->bad_frames;
        service_->log("The connection of an agent from " + peer_ + " is closed: " + harmless(why));
        socket_->close(code, why.substr(0, 120));
        return false;
    }

    AgentLink link(const std::string& id) const { return {id, peer_, id == relay_ ? "" : relay_, key_.name, socket_}; }

    bool greet(const std::string& id, const remote::Hello& hello, std::string_view frame) {
        if (hello.protocol != remote::kProtocol) return refuse("another version of the protocol");
        if (hello.relay && key_.role != "relay")
            return refuse("the key is no relay's; one is made by: collector key add NAME --role relay", kNotAllowed);
        if (agent_.empty()) {
            agent_ = id;
            if (hello.relay) relay_ = id;
        }
        if (id != agent_ && relay_.empty()) return refuse("a second agent on the connection");
        const bool listed = service_->intake.hello(link(id), hello, frame);
        if (!listed && id == agent_) {
            socket_->close(kTryLater, "too many agents are connected");
            return false;
        }
        const remote::Welcome welcome{remote::kProtocol, service_->heartbeat_seconds, service_->server_name};
        if (auto encoded = service_->codec.encode(remote::Down{id, welcome}))
            socket_->send(std::make_shared<const std::string>(std::move(*encoded)), true);
        // An agent behind a relay that is one too many is not in the list; its alerts are stored all the same.
        if (listed && present_.insert(id).second) service_->intake.arrived(link(id));
        if (listed) service_->intake.welcomed(link(id), hello);
        return true;
    }

    bool take(const std::string& id, remote::Batch batch, std::string_view frame) {
        if (batch.alerts.empty()) return true;
        if (service_->intake.full()) {
            socket_->close(kTryLater, "too much waits to be stored");
            return false;
        }
        Incoming in;
        in.agent = id;
        in.epoch = batch.epoch;
        in.stream = batch.stream;
        const remote::Ack ack{batch.epoch, batch.stream, batch.alerts.back().number};
        in.alerts = std::move(batch.alerts);
        return service_->intake.batch(
            std::move(in), frame, [socket = socket_, id, ack] { send_ack(*socket, id, ack); },
            [socket = socket_] { socket->resume(); });
    }

    std::shared_ptr<AgentService> service_;
    std::shared_ptr<net::Socket> socket_;
    const std::string peer_;
    const Accounts::Holder key_;
    std::string agent_;               // who said Hello first; empty: nobody yet
    std::string relay_;               // the same, if it is a relay; empty: it is none
    std::set<std::string> present_;   // who are there
};

}  // namespace

std::unique_ptr<net::SocketHandler> make_agent_session(std::shared_ptr<AgentService> service,
                                                       std::shared_ptr<net::Socket> socket, std::string peer, Accounts::Holder key) {
    return std::make_unique<AgentSession>(std::move(service), std::move(socket), std::move(peer), std::move(key));
}

}  // namespace undercoat::collector
