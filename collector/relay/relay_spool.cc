// See relay_spool.h.
#include "collector/relay/relay_spool.h"

namespace undercoat::collector {
namespace {

constexpr const char* kSchema = R"(
CREATE TABLE IF NOT EXISTS batches(
  id INTEGER PRIMARY KEY AUTOINCREMENT, class INTEGER NOT NULL, agent TEXT NOT NULL, epoch INTEGER NOT NULL, stream INTEGER NOT NULL,
  last INTEGER NOT NULL, alerts INTEGER NOT NULL, frame BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS order_of_sending ON batches(class, id);
CREATE TABLE IF NOT EXISTS agents(agent TEXT PRIMARY KEY, hello BLOB NOT NULL) WITHOUT ROWID;
PRAGMA user_version=1;
)";

constexpr size_t kMostStreams = 200'000;  // remembered, to know again what comes twice

}  // namespace

Result<std::unique_ptr<RelaySpool>> RelaySpool::open(const std::string& directory, uint64_t max_bytes) {
    try {
        return std::unique_ptr<RelaySpool>(new RelaySpool(directory, max_bytes));
    } catch (const std::exception& e) {
        return Error{"The spool in " + directory + " cannot be opened: " + e.what() + "."};
    }
}

RelaySpool::RelaySpool(const std::string& directory, uint64_t max_bytes)
    : max_bytes_(max_bytes), db_(directory + "/relay.db", Database::Use::write) {
    // What is acknowledged must outlive a power cut: docs/decisions/acknowledged-is-on-disk.md.
    db_.run("PRAGMA synchronous=FULL; PRAGMA journal_size_limit=67108864; PRAGMA wal_autocheckpoint=4000; PRAGMA cache_size=-8192;");
    db_.run(kSchema);
    insert_.emplace(db_, "INSERT INTO batches(class, agent, epoch, stream, last, alerts, frame) VALUES(?,?,?,?,?,?,?)");
    next_.emplace(db_, "SELECT id, agent, epoch, stream, last, frame FROM batches WHERE class = ? AND id > ? ORDER BY id LIMIT 1");
    delete_.emplace(db_, "DELETE FROM batches WHERE id = ? RETURNING agent, alerts, length(frame)");
    hello_.emplace(db_, "INSERT INTO agents(agent, hello) VALUES(?,?) ON CONFLICT DO UPDATE SET hello = excluded.hello");
    Statement rows(db_, "SELECT agent, epoch, stream, max(last), count(*), sum(alerts), sum(length(frame)) FROM batches GROUP BY 1, 2, 3");
    while (rows.step()) {
        const auto n = static_cast<uint64_t>(rows.number(4));
        taken_[{rows.text(0), static_cast<uint64_t>(rows.number(1)), static_cast<uint32_t>(rows.number(2))}] =
            static_cast<uint64_t>(rows.number(3));
        waiting_[rows.text(0)] += n;
        counters_.batches += n;
        counters_.alerts += static_cast<uint64_t>(rows.number(5));
        counters_.bytes += static_cast<uint64_t>(rows.number(6));
    }
}

void RelaySpool::keep_hello(const std::string& agent, std::string_view frame) {
    std::lock_guard facts(facts_mutex_);
    new_hellos_[agent] = frame;
}

void RelaySpool::expect(const std::string& agent) {
    std::lock_guard facts(facts_mutex_);
    ++expected_[agent];
}

void RelaySpool::write(const std::map<std::string, std::string>& hellos, const std::vector<Incoming>& incoming, Stored& out,
                       std::map<StreamKey, uint64_t>& passed) {
    for (const auto& [agent, frame] : hellos) {
        hello_->bind(1, agent).bind_blob(2, frame);
        hello_->run();
    }
    for (const Incoming& in : incoming) {
        auto& each = out.each.emplace_back();
        const StreamKey key{in.agent, in.epoch, in.stream};
        const auto known = taken_.find(key);
        uint64_t& last = passed.try_emplace(key, known == taken_.end() ? 0 : known->second).first->second;
        const uint64_t number = in.alerts.back().number;
        if (number <= last) {
            out.duplicates += in.alerts.size();
            continue;
        }
        last = number;
        each.stored = in.alerts.size();
        insert_->bind(1, static_cast<int64_t>(std::min(in.stream, kClasses - 1))).bind(2, in.agent);
        insert_->bind(3, static_cast<int64_t>(in.epoch)).bind(4, static_cast<int64_t>(in.stream));
        insert_->bind(5, static_cast<int64_t>(number)).bind(6, static_cast<int64_t>(in.alerts.size())).bind_blob(7, in.frame);
        insert_->run();
    }
}

Result<Stored> RelaySpool::commit(const std::vector<Incoming>& incoming) {
    std::lock_guard lock(mutex_);
    uint64_t bytes = 0;
    for (const Incoming& in : incoming) bytes += in.frame.size();
    std::map<std::string, std::string> hellos;
    {
        std::lock_guard facts(facts_mutex_);
        if (counters_.bytes + bytes > max_bytes_ && counters_.bytes > 0)
            return Error{"The spool is full (" + std::to_string(max_bytes_ >> 20) + " MB, --spool-mb) and the collector takes nothing."};
        hellos = new_hellos_;
    }
    Stored out;
    std::map<StreamKey, uint64_t> passed;
    try {
        Transaction transaction(db_);
        write(hellos, incoming, out, passed);
        transaction.commit();
    } catch (const SqliteError& e) {
        for (auto* s : {&insert_, &hello_}) (*s)->reset();
        return Error{std::string("The spool cannot be written: ") + e.what() + "."};
    }
    if (taken_.size() > kMostStreams) taken_.clear();  // what comes twice then is sorted out by the collector
    for (auto& [key, last] : passed) taken_[key] = last;
    {
        std::lock_guard facts(facts_mutex_);
        for (const auto& [agent, frame] : hellos)
            if (const auto it = new_hellos_.find(agent); it != new_hellos_.end() && it->second == frame) new_hellos_.erase(it);
    }
    note(incoming, out);
    return out;
}

void RelaySpool::note(const std::vector<Incoming>& incoming, const Stored& stored) {
    std::lock_guard facts(facts_mutex_);
    for (size_t i = 0; i < incoming.size(); ++i) {
        if (const auto it = expected_.find(incoming[i].agent); it != expected_.end() && --it->second == 0) expected_.erase(it);
        if (stored.each[i].stored == 0) continue;
        ++waiting_[incoming[i].agent];
        ++counters_.batches;
        counters_.alerts += stored.each[i].stored;
        counters_.bytes += incoming[i].frame.size();
    }
}

std::map<std::string, std::string> RelaySpool::hellos() {
    std::lock_guard lock(mutex_);
    std::map<std::string, std::string> out;
    Statement rows(db_, "SELECT agent, hello FROM agents");
    while (rows.step()) out[rows.text(0)] = rows.text(1);
    return out;
}

void RelaySpool::forget_agents(const std::set<std::string>& present) {
    std::lock_guard lock(mutex_);
    {
        std::lock_guard facts(facts_mutex_);
        std::erase_if(new_hellos_, [&](const auto& p) {
            return !present.contains(p.first) && !waiting_.contains(p.first) && !expected_.contains(p.first);
        });
    }
    try {
        std::vector<std::string> gone;
        Statement rows(db_, "SELECT agent FROM agents");
        while (rows.step())
            if (std::string agent = rows.text(0); !present.contains(agent) && !waits(agent)) gone.push_back(std::move(agent));
        if (gone.empty()) return;
        Transaction transaction(db_);
        Statement drop(db_, "DELETE FROM agents WHERE agent = ?");
        for (const std::string& agent : gone) {
            drop.bind(1, agent);
            drop.run();
        }
        transaction.commit();
    } catch (const SqliteError&) {
        // A full disk: another time.
    }
}

std::optional<SpooledBatch> RelaySpool::next() try {
    std::lock_guard lock(mutex_);
    for (unsigned c = 0; c < kClasses; ++c) {
        Statement& row = *next_;
        row.bind(1, static_cast<int64_t>(c)).bind(2, sent_[c]);
        if (!row.step()) {
            row.reset();
            continue;
        }
        SpooledBatch b;
        b.id = row.number(0);
        b.agent = row.text(1);
        b.epoch = static_cast<uint64_t>(row.number(2)), b.stream = static_cast<uint32_t>(row.number(3));
        b.last = static_cast<uint64_t>(row.number(4));
        b.frame = row.text(5);
        row.reset();
        sent_[c] = b.id;
        return b;
    }
    return std::nullopt;
} catch (const SqliteError&) {
    return std::nullopt;  // the disk fails; commit() says so
}

void RelaySpool::rewind() {
    std::lock_guard lock(mutex_);
    sent_ = {};
}

bool RelaySpool::acknowledged(const std::vector<int64_t>& ids) {
    std::lock_guard lock(mutex_);
    struct Left {
        std::string agent;
        uint64_t alerts, bytes;
    };
    std::vector<Left> left;
    try {
        Transaction transaction(db_);
        for (const int64_t id : ids) {
            delete_->bind(1, id);
            if (delete_->step())
                left.push_back({delete_->text(0), static_cast<uint64_t>(delete_->number(1)), static_cast<uint64_t>(delete_->number(2))});
            delete_->reset();
        }
        transaction.commit();
    } catch (const SqliteError&) {
        delete_->reset();
        return false;
    }
    std::lock_guard facts(facts_mutex_);
    for (const Left& l : left) {
        if (const auto it = waiting_.find(l.agent); it != waiting_.end() && --it->second == 0) waiting_.erase(it);
        --counters_.batches;
        counters_.alerts -= l.alerts, counters_.bytes -= l.bytes;
        counters_.forwarded += l.alerts;
    }
    return true;
}

bool RelaySpool::waits(const std::string& agent) const {
    std::lock_guard facts(facts_mutex_);
    return waiting_.contains(agent) || expected_.contains(agent);
}

RelaySpool::Counters RelaySpool::counters() const {
    std::lock_guard facts(facts_mutex_);
    return counters_;
}

}  // namespace undercoat::collector
