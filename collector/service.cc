// See service.h.
#include "collector/service.h"

#include "base/utf8.h"
#include "collector/api/page.h"
#include "collector/api/routes.h"
#include "collector/api/workers.h"
#include "collector/auth/secrets.h"
#include "collector/ingest/collector_intake.h"
#include "collector/ingest/falco_payload.h"
#include "collector/json.h"

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <optional>
#include <thread>

namespace undercoat::collector {
namespace {

constexpr const char* kLivePath = "/api/v1/live";
constexpr unsigned kWorkers = 2;
constexpr size_t kMostJobs = 256;
constexpr auto kHouseEvery = std::chrono::seconds(5);

// Calls something every few seconds, and at the end, in a thread of its own: what hangs there holds up nothing else.
class House {
public:
    explicit House(std::function<void()> keep) : keep_(std::move(keep)), thread_([this] { run(); }) {}
    ~House() {
        {
            std::lock_guard lock(mutex_);
            stop_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }
    House(const House&) = delete;
    House& operator=(const House&) = delete;

private:
    void run() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, nullptr);
        for (bool last = false; !last;) {
            {
                std::unique_lock lock(mutex_);
                last = changed_.wait_for(lock, kHouseEvery, [this] { return stop_; });
            }
            keep_();
        }
    }

    const std::function<void()> keep_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stop_ = false;
    std::thread thread_;
};

}  // namespace

struct Service::Impl {
    explicit Impl(ServiceSettings s) : settings(std::move(s)) {}
    // Each ends before what it hands on to.
    ~Impl() {
        server.reset();
        workers.reset();
        writer.reset();
        if (backbone) backbone->stop();
        house.reset();
        if (backend) backend->stop_watching();
        live.reset();  // asks the API who may watch
    }

    ServiceSettings settings;
    std::unique_ptr<Backend> backend;
    bool told_by_backend = false;  // of what is stored
    std::unique_ptr<Accounts> accounts;
    std::unique_ptr<Agents> agents;
    std::unique_ptr<RulesetStore> rulesets;
    RuleDesk desk;
    std::unique_ptr<LiveHub> live;
    std::unique_ptr<Backbone> backbone;  // may be null
    std::unique_ptr<Writer> writer;
    std::optional<House> house;  // where the writer has nothing to do with the store
    std::unique_ptr<CollectorIntake> intake;
    std::shared_ptr<AgentService> sessions;
    std::unique_ptr<ApiContext> api;
    std::unique_ptr<Workers> workers;
    std::unique_ptr<net::Server> server;

    net::Response hardened(net::Response r) const {
        harden(r);
        return r;
    }

    // Falco's and falcosidekick's payload.
    void take_payload(const net::Request& request, const net::Respond& respond) {
        auto login = agent_login(*accounts, request, settings.log);
        if (auto* no = std::get_if<net::Response>(&login)) return respond(hardened(std::move(*no)));
        auto alert = parse_falco_payload(request.body);
        if (!alert) return respond(hardened(json_error(400, alert.error())));
        if (!writer->healthy()) return respond(hardened(json_error(503, "alerts cannot be stored; try again later")));
        if (writer->full()) return respond(hardened(json_error(503, "too much waits to be stored; try again later")));
        Incoming in;
        // What is longer is refused wherever a batch is read.
        in.agent = utf8_prefix("falco@" + (alert->hostname.empty() ? request.peer : alert->hostname), remote::kMaxName);
        in.numbered = false;
        in.identity = random_text(32);
        in.alerts.push_back(std::move(*alert));
        writer->submit(std::move(in), [this, respond] { respond(hardened(net::Response::of(200, "application/json", "{\"ok\":true}"))); }, {});
    }

    void answer(const Route& route, const net::Request& request, const std::string& part, const net::Respond& respond) {
        net::Response r;
        try {
            auto no = refusal(*api, route, request);
            r = no ? std::move(*no) : route.answer(*api, request, part);
        } catch (const std::exception& e) {
            settings.log("A request failed: " + harmless(e.what()));
            r = json_error(500, "the request failed");
        }
        respond(hardened(std::move(r)));
    }

    void http(net::Request request, net::Respond respond) {
        if (request.method == "POST" && request.path == "/") return take_payload(request, respond);
        std::string part;
        bool other_method = false;
        const Route* route = find_route(request.method, request.path, part, other_method);
        if (!route) {
            const bool page = !other_method && !request.path.starts_with("/api/") && (request.method == "GET" || request.method == "HEAD");
            if (page) return respond(hardened(page_answer(request.path)));
            return respond(hardened(other_method ? json_error(405, "the method is not allowed here") : json_error(404, "there is nothing here")));
        }
        if (!route->slow) return answer(*route, request, part, respond);
        auto shared = std::make_shared<net::Request>(std::move(request));
        if (!workers->post([this, route, shared, part, respond] { answer(*route, *shared, part, respond); }))
            respond(hardened(json_error(503, "too many requests wait; try again later")));
    }

    net::Upgrade upgrade(const net::Request& request) {
        if (request.path == remote::kPath) {
            auto login = agent_login(*accounts, request, settings.log);
            if (auto* no = std::get_if<net::Response>(&login)) return hardened(std::move(*no));
            return [this, peer = request.peer, key = std::get<1>(login)](std::shared_ptr<net::Socket> socket) {
                return make_agent_session(sessions, std::move(socket), peer, key);
            };
        }
        if (request.path != kLivePath) return hardened(json_error(404, "there is no WebSocket here"));
        static constexpr Route kLive{"GET", "/api/v1/live", Access::session, 0, false, nullptr};
        if (!same_origin(request)) return hardened(json_error(403, "the request comes from another site"));
        if (auto no = refusal(*api, kLive, request)) return hardened(std::move(*no));
        return [this, request](std::shared_ptr<net::Socket> socket) {
            return live->watch(std::move(socket), [this, request] { return !refusal(*api, kLive, request); });
        };
    }

    size_t body_limit(const net::Request& request) const {
        if (request.method == "POST" && request.path == "/") return kMaxPayload;
        std::string part;
        bool other = false;
        const Route* route = find_route(request.method, request.path, part, other);
        return route ? route->body_limit : 0;
    }

    void note_stored(const std::vector<Incoming>& batches, Stored&& stored) {
        for (size_t i = 0; i < batches.size(); ++i) agents->stored(batches[i].agent, stored.each[i].stored, stored.each[i].missing);
        if (!told_by_backend) show(std::move(stored.alerts));
    }

    // Rulesets may have come from another collector.
    void renew_policy() {
        std::lock_guard lock(api->policy_mutex);
        auto policy = policy_of(*rulesets);
        const auto known = desk.policy();
        const auto same = [](const remote::Rules& a, const remote::Rules& b) { return a.version == b.version; };
        if (!known || !std::equal(known->rulesets().begin(), known->rulesets().end(), policy->rulesets().begin(), policy->rulesets().end(), same))
            desk.set_policy(std::move(policy));
    }

    void show(std::vector<AlertRecord>&& alerts) {
        if (!alerts.empty()) live->publish(std::make_shared<const std::vector<AlertRecord>>(std::move(alerts)));
    }

    void flush_agents() { agents->flush(now_ns() - std::chrono::nanoseconds(settings.max_age).count()); }

    void keep_house() {
        try {
            flush_agents();
            backend->alerts().tidy();
        } catch (const std::exception& e) {
            settings.log("The store could not be tidied: " + harmless(e.what()) + ". It is tried again.");
        }
    }

    Status open_kept() {
        backend = std::move(settings.backend);
        auto people = backend->accounts();
        if (!people) return Error{people.error()};
        accounts = std::make_unique<Accounts>(std::move(*people));
        auto known = backend->agents();
        if (!known) return Error{known.error()};
        agents = std::make_unique<Agents>(std::move(*known));
        auto uploaded = backend->rulesets();
        if (!uploaded) return Error{uploaded.error()};
        rulesets = std::move(*uploaded);
        return Unit{};
    }

    Status open() try {
        if (Status s = open_kept(); !s) return s;
        live = std::make_unique<LiveHub>();
        backbone = std::move(settings.backbone);
        writer = std::make_unique<Writer>(
            backbone ? static_cast<Committer&>(*backbone) : backend->alerts(), [this](const std::vector<Incoming>& batches, Stored&& stored) { note_stored(batches, std::move(stored)); },
            [this] {
                if (!backbone) flush_agents();
            }, settings.log);
        if (backbone) house.emplace([this] { keep_house(); });
        intake = std::make_unique<CollectorIntake>(*agents, *writer, desk);
        desk.set_policy(policy_of(*rulesets));
        sessions.reset(new AgentService{*intake, *accounts, settings.log, "undercoat collector " + settings.version,
                                        settings.heartbeat_seconds, {}, {}, {}});
        api.reset(new ApiContext{backend->alerts(), *accounts, *agents, *writer, *live, *sessions, *rulesets, desk, settings.version,
                                 [this] { return server ? server->counters() : net::ServerCounters{}; }, settings.log, {}});
        if (backbone) api->backbone = [this] { return backbone->counters(); };
        workers = std::make_unique<Workers>(kWorkers, kMostJobs);
        told_by_backend = backend->watch({[this] { renew_policy(); }, [this] { return live->watchers() > 0; },
                                          [this](std::vector<AlertRecord>&& alerts) { show(std::move(alerts)); }});
        if (backbone && !settings.ingest)
            backbone->drain(backend->alerts(), backend->shares(Backbone::kParts),
                            [this](const std::vector<Incoming>& batches, Stored&& stored) { note_stored(batches, std::move(stored)); });
        return Unit{};
    } catch (const std::exception& e) {
        return Error{std::string("The store cannot be read: ") + e.what() + "."};
    }

    Status listen() {
        net::ServerSettings s;
        s.address = settings.address;
        s.port = settings.port;
        s.tls = {settings.certificate.certificate, settings.certificate.key, settings.client_ca};
        s.max_connections = settings.max_connections;
        s.message_limit = remote::kMaxFrame;
        net::ServerHandlers h;
        h.body_limit = [this](const net::Request& r) { return body_limit(r); };
        h.http = [this](net::Request r, net::Respond respond) { http(std::move(r), std::move(respond)); };
        h.upgrade = [this](const net::Request& r) { return upgrade(r); };
        auto started = net::Server::start(s, std::move(h));
        if (!started) return Error{started.error()};
        server = std::move(*started);
        return Unit{};
    }
};

Service::Service(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Service>> Service::start(ServiceSettings settings) {
    auto impl = std::make_unique<Impl>(std::move(settings));
    if (Status s = impl->open(); !s) return Error{s.error()};
    if (Status s = impl->listen(); !s) return Error{s.error()};
    return std::unique_ptr<Service>(new Service(std::move(impl)));
}

Service::~Service() = default;

uint16_t Service::port() const { return impl_->server->port(); }

Accounts& Service::accounts() { return *impl_->accounts; }

}  // namespace undercoat::collector
