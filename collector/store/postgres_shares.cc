// See postgres_shares.h.
#include "collector/store/postgres_shares.h"

namespace undercoat::collector {
namespace {

constexpr int64_t kClass = 0x756e6466;  // first half of the locks' names; the second is the part
constexpr int64_t kMember = 1000;       // a shared lock of everybody who takes part

class PostgresShares : public Shares {
public:
    PostgresShares(PostgresSettings server, int parts) : server_(std::move(server)), parts_(parts) {}

    std::set<int> balance(const std::function<void(int)>& give_up) override try {
        const Deadline deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
        if (!db_) {
            db_ = std::make_unique<Postgres>(server_, deadline);
            // A holder that hangs, or cannot be reached, holds its parts no longer than this; PostgreSQL 13 has no such setting.
            db_->run("SELECT set_config(name, '15s', false) FROM pg_settings WHERE name = 'idle_session_timeout'", {}, deadline);
            db_->run("SELECT pg_advisory_lock_shared($1::int, $2::int)", Params().add(kClass).add(kMember), deadline);
        }
        const int64_t members = db_->run("SELECT count(DISTINCT pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = $1::oid AND objid = $2::oid"
                                         " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
                                         Params().add(kClass).add(kMember), deadline).number(0, 0);
        const auto fair = static_cast<size_t>((parts_ + std::max<int64_t>(members, 1) - 1) / std::max<int64_t>(members, 1));
        while (mine_.size() > fair) {
            const int part = *mine_.rbegin();
            give_up(part);
            lock("SELECT pg_advisory_unlock($1::int, $2::int)", part, deadline);
            mine_.erase(part);
        }
        for (int part = 0; part < parts_ && mine_.size() < fair; ++part)
            if (!mine_.contains(part) && lock("SELECT pg_try_advisory_lock($1::int, $2::int)", part, deadline)) mine_.insert(part);
        return mine_;
    } catch (const PostgresError&) {
        mine_.clear();
        db_.reset();
        throw;
    }

private:
    bool lock(const char* sql, int part, Deadline deadline) {
        return db_->run(sql, Params().add(kClass).add(int64_t{part}), deadline).text(0, 0) == "t";
    }

    const PostgresSettings server_;
    const int parts_;
    std::unique_ptr<Postgres> db_;
    std::set<int> mine_;
};

}  // namespace

std::unique_ptr<Shares> open_postgres_shares(PostgresSettings server, int parts) {
    return std::make_unique<PostgresShares>(std::move(server), parts);
}

}  // namespace undercoat::collector
