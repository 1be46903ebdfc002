// See postgres_backend.h.
#include "collector/store/postgres_backend.h"

#include "base/unique_fd.h"
#include "collector/auth/postgres_accounts.h"
#include "collector/store/postgres_schema.h"
#include "collector/store/postgres_shares.h"
#include "collector/store/postgres_store.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <csignal>
#include <thread>

namespace undercoat::collector {
namespace {

using std::chrono::steady_clock;
using Log = std::function<void(const std::string&)>;

constexpr auto kStartPatience = std::chrono::seconds(30);
constexpr auto kPulse = std::chrono::seconds(5);  // a server that is gone without a word is noticed

// What open() gives: nothing is thrown over this edge.
template <class Open>
auto told(const char* what, Open open) -> Result<decltype(open())> {
    try {
        return open();
    } catch (const PostgresError& e) {
        return Error{std::string(what) + " cannot be opened: " + e.what() + "."};
    }
}

class PostgresBackend : public Backend {
public:
    PostgresBackend(const PostgresSettings& server, const StoreSettings& settings, Log log)
        : server_(server), log_(std::move(log)), pool_(server), news_(std::make_shared<AccountNews>(pool_)), alerts_(pool_, settings, log_),
          wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
    ~PostgresBackend() override { stop_watching(); }

    PostgresPool& pool() { return pool_; }
    Store& alerts() override { return alerts_; }
    Result<std::unique_ptr<AccountStore>> accounts() override {
        return told("The accounts", [this] { return open_postgres_accounts(pool_, news_); });
    }
    Result<std::unique_ptr<AgentStore>> agents() override {
        return told("The list of agents", [this] { return open_postgres_agents(pool_); });
    }
    Result<std::unique_ptr<RulesetStore>> rulesets() override {
        return told("The rulesets", [this] { return open_postgres_rulesets(pool_); });
    }

    bool watch(Watch watch) override {
        watch_ = std::move(watch);
        thread_ = std::thread([this] { run(); });
        return true;
    }

    void stop_watching() override {
        if (!thread_.joinable()) return;
        const uint64_t one = 1;
        stop_ = true;
        if (::write(wake_.get(), &one, sizeof one) < 0) return;  // cannot be: the counter is far from full
        thread_.join();
    }

    std::unique_ptr<Shares> shares(int parts) override { return open_postgres_shares(server_, parts); }

private:
    void run() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, nullptr);
        std::chrono::milliseconds pause{100};
        while (!stop_) {
            try {
                listen(pause);
            } catch (const std::exception& e) {
                if (!std::exchange(away_, true))
                    log_(std::string("What other collectors do is not heard: ") + e.what() + ". It is tried again.");
                pollfd p{wake_.get(), POLLIN, 0};
                ::poll(&p, 1, static_cast<int>(pause.count()));
                pause = std::min(pause * 2, std::chrono::milliseconds(5000));
            }
        }
    }

    void listen(std::chrono::milliseconds& pause) {
        Postgres db(server_, steady_clock::now() + kPulse);
        db.run(std::string("LISTEN ") + kChannel);
        news_->reload();  // what was missed meanwhile
        watch_.rules_changed();
        pause = std::chrono::milliseconds(100);
        if (std::exchange(away_, false)) log_("Other collectors are heard again.");
        while (!stop_) {
            const auto notices = db.notices(steady_clock::now() + kPulse, wake_.get());
            if (notices.empty() && !stop_) db.run("SELECT 1", {}, steady_clock::now() + kPulse);
            bool accounts = false, rules = false;
            for (const auto& n : notices) accounts |= n.payload == "accounts", rules |= n.payload == "rules";
            if (accounts) news_->reload();
            if (rules) watch_.rules_changed();
            for (const auto& n : notices) show(n.payload);
        }
    }

    void show(const std::string& payload) {
        long long file = 0, first = 0, last = 0;
        if (std::sscanf(payload.c_str(), "alerts %lld %lld %lld", &file, &first, &last) != 3 || !watch_.anybody()) return;
        alerts_.each(static_cast<uint32_t>(file), first, last, watch_.alerts);
    }

    const PostgresSettings server_;
    const Log log_;
    PostgresPool pool_;
    const std::shared_ptr<AccountNews> news_;
    PostgresStore alerts_;
    Watch watch_;
    UniqueFd wake_;
    std::atomic<bool> stop_{false};
    bool away_ = false;
    std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Backend>> open_postgres_backend(PostgresSettings server, const StoreSettings& settings, Log log) {
    auto backend = std::make_unique<PostgresBackend>(server, settings, log);
    const auto until = steady_clock::now() + kStartPatience;
    for (bool said = false;;) {
        try {
            backend->pool().with(make_schema);
            backend->pool().with([&](Postgres& db) {
                if (const std::string why = db.unverified(); !why.empty()) log("Warning: " + why + ".");
            });
            return std::unique_ptr<Backend>(std::move(backend));
        } catch (const PostgresError& e) {
            const bool hopeless = !e.state.empty() || steady_clock::now() > until;
            if (hopeless) return Error{std::string("The store cannot be opened: ") + e.what() + "."};
            if (!std::exchange(said, true)) log(std::string(e.what()) + ". It is waited for.");
            std::this_thread::sleep_for(std::chrono::milliseconds(100));
        }
    }
}

}  // namespace undercoat::collector
