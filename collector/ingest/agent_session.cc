// See agent_session.h.
#include "collector/ingest/agent_session.h"

#include "collector/json.h"

namespace undercoat::collector {
namespace {

constexpr uint16_t kProtocolError = 1002, kTryLater = 1013;

// Acknowledgements are made by the writer's thread, which has a codec of its own.
void send_ack(net::Socket& socket, const std::string& agent, const remote::Ack& ack) {
    static thread_local remote::Codec codec;
    auto frame = codec.encode(remote::Down{agent, ack});
    if (frame) socket.send(std::make_shared<const std::string>(std::move(*frame)), true);
}

class AgentSession : public net::SocketHandler {
public:
    AgentSession(std::shared_ptr<AgentService> service, std::shared_ptr<net::Socket> socket, std::string peer)
        : service_(std::move(service)), socket_(std::move(socket)), peer_(std::move(peer)) {
        ++service_->sessions;
    }
    ~AgentSession() override {
        for (const std::string& id : present_) service_->intake.gone(link(id));
        --service_->sessions;
    }

    bool on_message(std::string_view message, bool binary) override {
        if (!binary) return refuse("a text message");
        auto up = service_->codec.decode_up(message);
        if (!up) return refuse(up.error());
        if (auto* hello = std::get_if<remote::Hello>(&up->what)) return greet(up->agent, *hello, message);
        if (!known_.contains(up->agent)) return refuse("an agent that has not said who it is");
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
    bool refuse(const std::string& why) {
        ++service_->bad_frames;
        service_->log("The connection of an agent from " + peer_ + " is closed: " + harmless(why));
        socket_->close(kProtocolError, "not the protocol");
        return false;
    }

    AgentLink link(const std::string& id) const { return {id, peer_, id == relay_ ? "" : relay_, socket_}; }

    bool greet(const std::string& id, const remote::Hello& hello, std::string_view frame) {
        if (hello.protocol != remote::kProtocol) return refuse("another version of the protocol");
        if (known_.empty() && hello.relay) relay_ = id;
        if (!known_.empty() && !known_.contains(id) && relay_.empty()) return refuse("a second agent on the connection");
        if (!service_->intake.hello(link(id), hello, frame)) {
            socket_->close(kTryLater, "too many agents");
            return false;
        }
        known_.insert(id);
        const remote::Welcome welcome{remote::kProtocol, service_->heartbeat_seconds, service_->server_name};
        if (auto encoded = service_->codec.encode(remote::Down{id, welcome}))
            socket_->send(std::make_shared<const std::string>(std::move(*encoded)), true);
        if (present_.insert(id).second) service_->intake.arrived(link(id));
        return true;
    }

    bool take(const std::string& id, remote::Batch batch, std::string_view frame) {
        if (batch.alerts.empty()) return true;
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
    std::string relay_;                     // the id of the relay that this is; empty: it is none
    std::set<std::string> known_, present_;  // have said who they are; and are there
};

}  // namespace

std::unique_ptr<net::SocketHandler> make_agent_session(std::shared_ptr<AgentService> service,
                                                       std::shared_ptr<net::Socket> socket, std::string peer) {
    return std::make_unique<AgentSession>(std::move(service), std::move(socket), std::move(peer));
}

}  // namespace undercoat::collector
