// See relay_service.h.
#include "collector/relay/relay_service.h"

#include "collector/api/numbers.h"
#include "collector/auth/key_check.h"
#include "collector/ingest/writer.h"
#include "collector/relay/relay_policy.h"
#include "collector/relay/relay_uplink.h"
#include "net/server.h"
#include "uplink/identity.h"

namespace undercoat::collector {
namespace {

constexpr size_t kMostWords = 16 * 1024;  // bytes of one message of an agent that is kept for the collector

// What agents say: their alerts into the spool, their words to the uplink.
class RelayIntake : public Intake {
public:
    RelayIntake(Writer& writer, RelaySpool& spool, RelayUplink& uplink, RuleDesk& desk)
        : writer_(writer), spool_(spool), uplink_(uplink), desk_(desk) {}

    bool hello(const AgentLink& link, const remote::Hello& hello, std::string_view) override {
        return uplink_.hello(link, again(link.agent, hello, [](remote::Hello& h) { h.tags.clear(), h.platform.clear(); }));
    }
    void arrived(const AgentLink& link) override { uplink_.arrived(link.agent); }
    void welcomed(const AgentLink& link, const remote::Hello& hello) override { desk_.hello(link, hello); }
    void gone(const AgentLink& link) override {
        uplink_.gone(link.agent);
        desk_.gone(link);
    }
    void heartbeat(const std::string& agent, const remote::Heartbeat& heartbeat, std::string_view) override {
        uplink_.heartbeat(agent, again(agent, heartbeat, [](remote::Heartbeat& h) { h.counters.clear(); }));
    }
    void rules_status(const std::string& agent, const remote::RulesStatus& status, std::string_view) override {
        uplink_.rules_status(agent, again(agent, status, [](remote::RulesStatus& s) { s.message.clear(); }));
    }
    bool full() const override { return writer_.full(); }
    bool batch(Incoming batch, std::string_view frame, std::function<void()> done, std::function<void()> go_on) override {
        batch.frame = frame;
        spool_.expect(batch.agent);
        return writer_.submit(std::move(batch), std::move(done), std::move(go_on));
    }

private:
    // What was understood of an agent's words is kept, not the frame, which may be padded; `shorten` takes away what may be long.
    template <class Words, class Shorten>
    std::string again(const std::string& agent, Words words, Shorten shorten) {
        auto frame = codec_.encode(remote::Up{agent, words});
        if (frame && frame->size() <= kMostWords) return std::move(*frame);
        shorten(words);
        frame = codec_.encode(remote::Up{agent, std::move(words)});
        return frame ? std::move(*frame) : "";
    }

    Writer& writer_;
    RelaySpool& spool_;
    RelayUplink& uplink_;
    RuleDesk& desk_;
    remote::Codec codec_;  // the server's thread only
};

}  // namespace

struct RelayService::Impl {
    explicit Impl(RelaySettings s) : settings(std::move(s)) {}

    RelaySettings settings;
    std::unique_ptr<Accounts> accounts;
    std::unique_ptr<RelaySpool> spool;
    RuleDesk desk;
    std::unique_ptr<RelayPolicy> policy;
    std::unique_ptr<RelayUplink> uplink;
    std::unique_ptr<Writer> writer;
    std::unique_ptr<RelayIntake> intake;
    std::shared_ptr<AgentService> sessions;
    std::unique_ptr<net::Server> server;

    Numbers numbers() const {
        const RelaySpool::Counters s = spool->counters();
        const Writer::Counters w = writer->counters();
        const uplink::Connection::Counters u = uplink->counters();
        Numbers out = {
            {"alerts_taken_total", "counter", "Alerts taken over from agents.", w.alerts},
            {"alerts_duplicate_total", "counter", "Alerts that came again and were not taken again.", w.duplicates},
            {"alerts_forwarded_total", "counter", "Alerts that the collector has acknowledged.", s.forwarded},
            {"spool_alerts", "gauge", "Alerts that wait for the collector.", s.alerts},
            {"spool_bytes", "gauge", "Their size.", s.bytes},
            {"spool_failures_total", "counter", "Commits that the spool refused; they are tried again.", w.failures},
            {"agents_connected", "gauge", "Agents connected.", uplink->present().size()},
            {"agent_frames_refused_total", "counter", "Messages of agents that were not the protocol.", sessions->bad_frames.load()},
            {"upstream_connected", "gauge", "1: there is a connection to the collector.", u.connected},
            {"upstream_connects_total", "counter", "Connections made to the collector.", u.connects},
            {"upstream_failures_total", "counter", "Connections to the collector that failed.", u.failures},
        };
        add_server_numbers(server ? server->counters() : net::ServerCounters{}, out);
        return out;
    }

    // For the uplink's thread, which outlives the writer.
    std::vector<std::pair<std::string, uint64_t>> heartbeat_counters() const {
        const RelaySpool::Counters s = spool->counters();
        return {{"alerts_forwarded_total", s.forwarded}, {"spool_alerts", s.alerts}, {"spool_bytes", s.bytes},
                {"agent_frames_refused_total", sessions->bad_frames.load()}};
    }

    net::Response answer(const net::Request& request) const {
        if (request.method != "GET" && request.method != "HEAD") return json_error(405, "the method is not allowed here");
        if (request.path == "/metrics") return metrics_answer("undercoat_orchestrator_", numbers());
        if (request.path == "/healthz") return net::Response::of(200, "application/json", "{\"status\":\"ok\"}");
        if (request.path != "/readyz") return json_error(404, "there is nothing here; this is an orchestrator, and the page is the collector's");
        if (!writer->healthy()) return json_error(503, "alerts cannot be taken over");
        return net::Response::of(200, "application/json", "{\"status\":\"ok\"}");
    }

    net::Upgrade upgrade(const net::Request& request) {
        if (request.path != remote::kPath) return json_error(404, "there is no WebSocket here");
        auto login = agent_login(*accounts, request, settings.log);
        if (auto* no = std::get_if<net::Response>(&login)) return std::move(*no);
        return [this, peer = request.peer, key = std::get<1>(login)](std::shared_ptr<net::Socket> socket) {
            return make_agent_session(sessions, std::move(socket), peer, key);
        };
    }

    Status open() {
        auto keys = Accounts::open(settings.directory);
        if (!keys) return Error{keys.error()};
        accounts = std::move(*keys);
        auto opened = RelaySpool::open(settings.directory, settings.spool_bytes);
        if (!opened) return Error{opened.error()};
        spool = std::move(*opened);
        policy = std::make_unique<RelayPolicy>(settings.directory, desk, settings.log);
        RelayIdentity me{uplink::agent_id(settings.directory), settings.version, settings.hostname, settings.tags,
                         [this] { return heartbeat_counters(); }};
        auto up = RelayUplink::make(settings.upstream, std::move(me), *spool, *policy,
                                     [log = settings.log](bool, const std::string& message) { log(message); });
        if (!up) return Error{up.error()};
        uplink = std::move(*up);
        return Unit{};
    }

    void connect() {
        writer = std::make_unique<Writer>(
            *spool, [this](const std::vector<Incoming>&, Stored&&) { uplink->wake(); }, [this] { uplink->forget_strangers(); }, settings.log);
        intake = std::make_unique<RelayIntake>(*writer, *spool, *uplink, desk);
        sessions.reset(new AgentService{*intake, *accounts, settings.log, "undercoat orchestrator " + settings.version, settings.heartbeat_seconds,
                                        {}, {}, {}});
        uplink->begin();
    }

    Status listen() {
        net::ServerSettings s;
        s.address = settings.address;
        s.port = settings.port;
        s.tls = {settings.certificate.certificate, settings.certificate.key, settings.client_ca};
        s.max_connections = settings.max_connections;
        s.message_limit = remote::kMaxFrame;
        net::ServerHandlers h;
        h.http = [this](net::Request r, net::Respond respond) { respond(answer(r)); };
        h.upgrade = [this](const net::Request& r) { return upgrade(r); };
        auto started = net::Server::start(s, std::move(h));
        if (!started) return Error{started.error()};
        server = std::move(*started);
        return Unit{};
    }
};

RelayService::RelayService(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<RelayService>> RelayService::start(RelaySettings settings) {
    auto impl = std::make_unique<Impl>(std::move(settings));
    if (Status s = impl->open(); !s) return Error{s.error()};
    impl->connect();
    if (Status s = impl->listen(); !s) return Error{s.error()};
    return std::unique_ptr<RelayService>(new RelayService(std::move(impl)));
}

RelayService::~RelayService() {
    impl_->server.reset();
    impl_->writer.reset();
    impl_->uplink.reset();
}

uint16_t RelayService::port() const { return impl_->server->port(); }

}  // namespace undercoat::collector
