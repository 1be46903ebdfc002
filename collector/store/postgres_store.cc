// Storing and keeping, see postgres_store.h. Searching is in postgres_search.cc.
#include "collector/store/postgres_store.h"

#include "base/utf8.h"
#include "collector/json.h"
#include "collector/query/words.h"
#include "collector/store/incoming.h"
#include "collector/store/postgres_schema.h"

#include <boost/json.hpp>

#include <set>

namespace undercoat::collector {
namespace {

constexpr int64_t kMinute = 60'000'000'000;
constexpr int64_t kBlock = 8192;  // ids at a time, as the sequence alert_blocks gives them
constexpr int64_t kTidyLock = 0x756e6465'00000002;  // advisory
constexpr int64_t kSlots = 8;
constexpr size_t kMaxLexeme = 255;
constexpr auto kForgetEvery = std::chrono::minutes(10);
constexpr std::chrono::seconds kStateFor(1);       // it is shown
constexpr std::chrono::seconds kStatePatience(2);  // scrapes must not hold up all workers
constexpr std::chrono::seconds kStatePause(5);     // after it could not be read

// Of a row of `files`, in bytes; another collector may have dropped the table meanwhile.
constexpr const char* kFileSize = "coalesce(pg_total_relation_size(to_regclass('alerts_' || file)), 0)";

// Columns of a statement's unnest(): every row has a value in each.
template <class... Column>
Params columns(const Column&... column) {
    Params p;
    (p.add(column), ...);
    return p;
}

// The words of an alert, and its terms with a sign before them that is in no word, as PostgreSQL's string_to_array() takes them apart.
std::string lexemes_of(const AlertRecord& r) {
    std::set<std::string> all;
    for (Word& w : words_of(r.message + " " + r.rule + " " + r.hostname)) all.insert(cut_word(std::move(w.text)));
    const std::string terms = terms_of(r);
    for (size_t at = 0; at < terms.size();) {
        const size_t end = std::min(terms.find(' ', at), terms.size());
        if (end > at) all.insert("=" + terms.substr(at, end - at));
        at = end + 1;
    }
    std::string out;
    for (const std::string& lexeme : all) out.append(out.empty() ? "" : " ").append(lexeme);
    return out;
}

// What the values are is wrong (class 22), or more than a limit of the program (54): it stays so, however often it is tried.
bool for_good(const PostgresError& e) { return e.state.starts_with("22") || e.state.starts_with("54"); }

void make_storable(AlertRecord& r) {
    for (std::string* text : {&r.rule, &r.source, &r.hostname, &r.agent, &r.message, &r.tags, &r.fields, &r.context}) *text = storable(*text);
}

// Those of which a number is in `incoming`; their rows are locked from here on, in one order for all.
Progress lock_streams(Postgres& db, const std::vector<Incoming>& incoming, int64_t now) {
    std::set<StreamKey> keys;
    for (const Incoming& in : incoming)
        if (in.numbered) keys.emplace(storable(in.agent), in.epoch, in.stream);
    Progress out;
    if (keys.empty()) return out;
    std::vector<std::string> agents;
    std::vector<int64_t> epochs, streams;
    for (const auto& [agent, epoch, stream] : keys) agents.push_back(agent), epochs.push_back(static_cast<int64_t>(epoch)), streams.push_back(stream);
    const Rows rows = db.run("INSERT INTO progress AS p(agent, epoch, stream, number, seen, gaps)"
                             " SELECT a, e, s, 0, $4, '' FROM unnest($1, $2, $3) AS t(a, e, s) ORDER BY 1, 2, 3"
                             " ON CONFLICT(agent, epoch, stream) DO UPDATE SET seen = greatest(p.seen, excluded.seen)"
                             " RETURNING agent, epoch, stream, number, gaps",
                             columns(agents, epochs, streams, now));
    for (int i = 0; i < rows.size(); ++i) {
        StreamProgress& p = out[{rows.text(i, 0), static_cast<uint64_t>(rows.number(i, 1)), static_cast<uint32_t>(rows.number(i, 2))}];
        p.number = static_cast<uint64_t>(rows.number(i, 3));
        p.read_gaps(rows.text(i, 4));
    }
    return out;
}

void keep(Postgres& db, const Progress& progress) {
    if (progress.empty()) return;
    std::vector<std::string> agents, gaps;
    std::vector<int64_t> epochs, streams, numbers;
    for (const auto& [key, p] : progress) {
        agents.push_back(std::get<0>(key)), epochs.push_back(static_cast<int64_t>(std::get<1>(key))), streams.push_back(std::get<2>(key));
        numbers.push_back(static_cast<int64_t>(p.number)), gaps.push_back(p.gaps_text());
    }
    db.run("UPDATE progress p SET number = t.n, gaps = t.g FROM unnest($1, $2, $3, $4, $5) AS t(a, e, s, n, g)"
           " WHERE p.agent = t.a AND p.epoch = t.e AND p.stream = t.s",
           columns(agents, epochs, streams, numbers, gaps));
}

// Those identities of batches without numbers that are new; kept from here on.
std::set<std::string> take_identities(Postgres& db, const std::vector<Incoming>& incoming, int64_t now) {
    std::set<std::string> wanted, fresh;
    for (const Incoming& in : incoming)
        if (!in.numbered && !in.identity.empty()) wanted.insert(in.identity);
    if (wanted.empty()) return fresh;
    const std::vector<std::string> identities(wanted.begin(), wanted.end());
    const Rows rows = db.run("INSERT INTO taken(identity, seen) SELECT i, $2 FROM unnest($1) AS t(i) ORDER BY 1"
                             " ON CONFLICT DO NOTHING RETURNING identity", columns(identities, now));
    for (int i = 0; i < rows.size(); ++i) fresh.insert(rows.text(i, 0));
    return fresh;
}

// Totals of each agent, for all collectors.
void add_totals(Postgres& db, const std::vector<Incoming>& incoming, const Stored& stored) {
    std::map<std::string, std::pair<int64_t, int64_t>> sums;
    for (size_t i = 0; i < incoming.size(); ++i) {
        if (stored.each[i].stored == 0 && stored.each[i].missing == 0) continue;
        auto& [alerts, missing] = sums[storable(incoming[i].agent)];
        alerts += static_cast<int64_t>(stored.each[i].stored), missing = saturating_add(missing, stored.each[i].missing);
    }
    if (sums.empty()) return;
    std::vector<std::string> agents;
    std::vector<int64_t> alerts, missing;
    constexpr int64_t kMost = INT64_MAX / 4;  // numbers are the agents' choice: the sum in the database must not overflow
    for (const auto& [agent, n] : sums) agents.push_back(agent), alerts.push_back(n.first), missing.push_back(std::clamp(n.second, -kMost, kMost));
    db.run("INSERT INTO agents AS a(id, alerts, missing, changed)"
           " SELECT i, n, m, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint FROM unnest($1, $2, $3) AS t(i, n, m) ORDER BY 1"
           " ON CONFLICT(id) DO UPDATE SET alerts = a.alerts + excluded.alerts, changed = excluded.changed,"
           " missing = greatest(-2305843009213693951, least(a.missing, 2305843009213693951)) + excluded.missing",
           columns(agents, alerts, missing));
}

}  // namespace

std::string cut_word(std::string word) {
    word.resize(utf8_prefix(word, kMaxLexeme).size());
    return word;
}

PostgresStore::PostgresStore(PostgresPool& pool, const StoreSettings& settings, Log log)
    : pool_(pool), settings_(settings), log_(std::move(log)) {}

Result<Stored> PostgresStore::commit(const std::vector<Incoming>& incoming) try {
    Aside aside;
    std::string why;
    Stored stored = pool_.with([&](Postgres& db) {
        try {
            return commit(db, incoming, aside);
        } catch (const PostgresError& e) {
            if (!for_good(e)) throw;
            aside = refused(db, incoming);
            if (aside.empty()) throw;
            why = e.what();
        }
        return commit(db, incoming, aside);
    });
    if (!aside.empty()) log_("PostgreSQL refuses alerts for good; " + std::to_string(aside.size()) + " are not stored: " + harmless(why) + ".");
    std::lock_guard lock(mutex_);
    trouble_.clear();
    refused_ += aside.size();
    return stored;
} catch (const PostgresError& e) {
    std::lock_guard lock(mutex_);
    trouble_ = e.what();
    return Error{"The alerts cannot be stored: " + trouble_ + "."};
}

// Those that PostgreSQL refuses whatever comes with them; found by storing halves, then halves of these, and rolling back.
PostgresStore::Aside PostgresStore::refused(Postgres& db, const std::vector<Incoming>& incoming) {
    std::vector<const remote::Alert*> all;
    for (const Incoming& in : incoming)
        for (const remote::Alert& a : in.alerts) all.push_back(&a);
    Aside out;
    const std::function<void(size_t, size_t)> search = [&](size_t from, size_t to) {
        Aside others(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(from));
        others.insert(all.begin() + static_cast<std::ptrdiff_t>(to), all.end());
        try {
            commit(db, incoming, others, false);
        } catch (const PostgresError& e) {
            if (!for_good(e)) throw;
            if (to - from == 1) out.insert(all[from]);
            if (to - from < 2) return;
            search(from, from + (to - from) / 2);
            search(from + (to - from) / 2, to);
        }
    };
    search(0, all.size());
    return out;
}

Stored PostgresStore::commit(Postgres& db, const std::vector<Incoming>& incoming, const Aside& aside, bool keeps) {
    const int64_t now = now_ns();
    Stored out;
    PostgresTransaction t(db);
    Progress progress = lock_streams(db, incoming, now);
    std::set<std::string> fresh = take_identities(db, incoming, now);
    for (const Incoming& in : incoming) {
        auto& each = out.each.emplace_back();
        StreamProgress* p = in.numbered ? &progress.at({storable(in.agent), in.epoch, in.stream}) : nullptr;
        const bool known = !in.numbered && !in.identity.empty() && fresh.erase(in.identity) == 0;
        for (const remote::Alert& a : in.alerts) {
            if (known || (p && !p->take(a.number, each.missing))) {
                ++out.duplicates;
                continue;
            }
            if (aside.contains(&a)) continue;
            ++each.stored;
            out.alerts.push_back(record_of(in, a, now));
            make_storable(out.alerts.back());
        }
    }
    if (!out.alerts.empty() || !aside.empty()) keep(db, progress);
    if (!out.alerts.empty()) {
        write(db, out.alerts);
        count(db, out.alerts);
        add_totals(db, incoming, out);
    }
    if (keeps) t.commit();
    return out;
}

void PostgresStore::write(Postgres& db, std::vector<AlertRecord>& records) {
    const int64_t file = db.run("SELECT max(file) FROM files").number(0, 0);
    for (size_t from = 0; from < records.size(); from += kBlock) {
        const size_t to = std::min(records.size(), from + kBlock);
        int64_t id = db.run("SELECT nextval('alert_blocks')").number(0, 0);
        const int64_t first = id;
        std::vector<int64_t> ids, times, received, severities;
        std::vector<std::string> rules, sources, hosts, agents, messages, tags, fields, contexts, lexemes;
        for (size_t i = from; i < to; ++i) {
            AlertRecord& r = records[i];
            r.id = {static_cast<uint32_t>(file), id++};
            ids.push_back(r.id.row), times.push_back(r.time_ns), received.push_back(r.received_ns), severities.push_back(r.severity);
            rules.push_back(r.rule), sources.push_back(r.source), hosts.push_back(r.hostname), agents.push_back(r.agent);
            messages.push_back(r.message), tags.push_back(r.tags), fields.push_back(r.fields), contexts.push_back(r.context);
            lexemes.push_back(lexemes_of(r));
        }
        db.run("INSERT INTO alerts(file, id, time, received, severity, rule, source, hostname, agent, message, tags, fields, context, search)"
               " SELECT $1, i, t, r, s, ru, so, h, a, m, tg, f, c, array_to_tsvector(string_to_array(l, ' '))"
               " FROM unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) AS t(i, t, r, s, ru, so, h, a, m, tg, f, c, l)",
               columns(file, ids, times, received, severities, rules, sources, hosts, agents, messages, tags, fields, contexts, lexemes));
        const std::string notice = "alerts " + std::to_string(file) + " " + std::to_string(first) + " " + std::to_string(id - 1);
        db.run("SELECT pg_notify($1, $2)", columns(std::string_view(kChannel), std::string_view(notice)));
    }
}

void PostgresStore::count(Postgres& db, const std::vector<AlertRecord>& records) {
    std::map<std::tuple<int64_t, int64_t, std::string, std::string>, int64_t> counts;
    std::map<std::tuple<int64_t, int64_t, std::string>, int64_t> tags;
    std::map<int64_t, std::pair<int64_t, int64_t>> minutes;
    int64_t oldest = INT64_MAX;
    for (const AlertRecord& r : records) {
        const int64_t minute = r.time_ns / kMinute;
        ++counts[{minute, r.severity, r.rule, r.hostname}];
        if (const auto list = parse_bounded(r.tags); list.is_array())
            for (const auto& tag : list.get_array())
                if (tag.is_string()) ++tags[{minute, r.severity, storable({tag.get_string().data(), tag.get_string().size()})}];
        auto [it, fresh] = minutes.try_emplace(minute, r.id.row, r.id.row);
        it->second.second = r.id.row;
        oldest = std::min(oldest, r.time_ns);
    }
    const int64_t file = records.front().id.file, slot = db.backend() % kSlots;
    std::vector<int64_t> m, s, n, last;
    std::vector<std::string> a, b;
    for (const auto& [key, number] : counts)
        m.push_back(std::get<0>(key)), s.push_back(std::get<1>(key)), a.push_back(std::get<2>(key)), b.push_back(std::get<3>(key)), n.push_back(number);
    db.run("INSERT INTO counts AS c SELECT $1, m, s, r, h, $2, n FROM unnest($3, $4, $5, $6, $7) AS t(m, s, r, h, n)"
           " ON CONFLICT(file, minute, severity, rule, host, slot) DO UPDATE SET n = c.n + excluded.n", columns(file, slot, m, s, a, b, n));
    m.clear(), s.clear(), a.clear(), n.clear();
    for (const auto& [key, number] : tags) m.push_back(std::get<0>(key)), s.push_back(std::get<1>(key)), a.push_back(std::get<2>(key)), n.push_back(number);
    if (!m.empty())
        db.run("INSERT INTO tag_counts AS c SELECT $1, m, s, t, $2, n FROM unnest($3, $4, $5, $6) AS t(m, s, t, n)"
               " ON CONFLICT(file, minute, severity, tag, slot) DO UPDATE SET n = c.n + excluded.n", columns(file, slot, m, s, a, n));
    m.clear(), n.clear();
    for (const auto& [minute, rows] : minutes) m.push_back(minute), n.push_back(rows.first), last.push_back(rows.second);
    db.run("INSERT INTO minutes AS c SELECT $1, m, $2, f, l FROM unnest($3, $4, $5) AS t(m, f, l)"
           " ON CONFLICT(file, minute, slot) DO UPDATE SET first = least(c.first, excluded.first), last = greatest(c.last, excluded.last)",
           columns(file, slot, m, n, last));
    db.run("INSERT INTO facts AS c VALUES($1, $2, $3, $4, $5, $6, $7) ON CONFLICT(file, slot) DO UPDATE SET n = c.n + excluded.n,"
           " first = least(c.first, excluded.first), last = greatest(c.last, excluded.last), oldest = least(c.oldest, excluded.oldest),"
           " received = greatest(c.received, excluded.received)",
           columns(file, slot, static_cast<int64_t>(records.size()), records.front().id.row, records.back().id.row, oldest, records.back().received_ns));
}

void PostgresStore::tidy() {
    pool_.with([&](Postgres& db) {
        roll_if_full(db);
        delete_old_files(db);
        if (std::chrono::steady_clock::now() < next_forget_) return;
        forget(db);
        next_forget_ = std::chrono::steady_clock::now() + kForgetEvery;
    });
    std::lock_guard lock(mutex_);
    state_read_ = {};
}

void PostgresStore::roll_if_full(Postgres& db) {
    const Rows row = db.run("SELECT file, begun, (SELECT coalesce(sum(n), 0) FROM facts WHERE file = f.file), " + std::string(kFileSize) +
                            " FROM files f ORDER BY file DESC LIMIT 1");
    const int64_t file = row.number(0, 0), begun = row.number(0, 1), rows = row.number(0, 2), bytes = row.number(0, 3);
    const auto part = std::chrono::nanoseconds(settings_.max_age).count() / 10;
    if (rows == 0 || (rows < settings_.rows_per_file && now_ns() - begun < part && bytes < static_cast<int64_t>(settings_.max_bytes / 8))) return;
    PostgresTransaction t(db);
    begin_postgres_file(db, file);
    t.commit();
}

void PostgresStore::delete_old_files(Postgres& db) {
    const int64_t oldest = now_ns() - std::chrono::nanoseconds(settings_.max_age).count();
    const Rows files = db.run("SELECT file, coalesce((SELECT max(received) FROM facts WHERE file = f.file), begun), " + std::string(kFileSize) +
                              " FROM files f ORDER BY 1");
    int64_t bytes = 0;
    for (int i = 0; i < files.size(); ++i) bytes += files.number(i, 2);
    for (int i = 0; i + 1 < files.size(); ++i) {
        if (bytes <= static_cast<int64_t>(settings_.max_bytes) && files.number(i, 1) >= oldest) break;
        bytes -= files.number(i, 2);
        const Params file = Params().add(files.number(i, 0));
        PostgresTransaction t(db);
        if (db.run("SELECT pg_try_advisory_xact_lock($1)", Params().add(kTidyLock)).text(0, 0) != "t") return;
        if (db.run("DELETE FROM files WHERE file = $1 RETURNING 1", file).size() == 0) return;  // another collector did
        db.run("SET LOCAL lock_timeout = 2000");  // readers pass; who waits for this holds up who comes after
        db.run("DROP TABLE alerts_" + std::to_string(files.number(i, 0)));
        for (const char* table : {"counts", "tag_counts", "minutes", "facts"}) db.run(std::string("DELETE FROM ") + table + " WHERE file = $1", file);
        t.commit();
    }
}

// What is known of streams, identities and agents is bounded, as in SQLite.
void PostgresStore::forget(Postgres& db) {
    const int64_t now = now_ns(), oldest = now - std::chrono::nanoseconds(settings_.max_age).count();
    PostgresTransaction t(db);
    if (db.run("SELECT pg_try_advisory_xact_lock($1)", Params().add(kTidyLock)).text(0, 0) != "t") return;
    db.run("DELETE FROM progress p USING (SELECT agent, epoch, stream, row_number() OVER (PARTITION BY agent ORDER BY seen DESC) AS n,"
           " row_number() OVER (ORDER BY seen DESC) AS k FROM progress) o WHERE (o.n > $2 OR o.k > $3 OR p.seen < $1)"
           " AND p.agent = o.agent AND p.epoch = o.epoch AND p.stream = o.stream",
           Params().add(oldest).add(static_cast<int64_t>(SqliteStore::kMostStreamsOfAgent)).add(static_cast<int64_t>(SqliteStore::kMostStreams)));
    db.run("DELETE FROM taken WHERE seen < $1", Params().add(std::max(oldest, now - int64_t{48} * 3600 * 1'000'000'000)));
    db.run("DELETE FROM sessions WHERE expires < $1", Params().add(now));
    db.run("DELETE FROM agents a USING (SELECT id, row_number() OVER (ORDER BY seen DESC) AS n FROM agents) o"
           " WHERE a.id = o.id AND (o.n > 100000 OR greatest(a.seen, a.changed * 1000) < $1)", Params().add(oldest));
    t.commit();
}

StoreState PostgresStore::state() const {
    std::unique_lock lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (now >= state_read_) {
        state_read_ = now + 2 * kStatePause;  // nobody else waits meanwhile
        StoreState s;
        lock.unlock();  // whoever stores does not wait for this
        try {
            s = read_state();
        } catch (const PostgresError& e) {
            lock.lock();
            state_read_ = std::chrono::steady_clock::now() + kStatePause;
            s = state_;
            s.refused = refused_;
            s.trouble = trouble_.empty() ? e.what() : trouble_;
            return s;
        }
        lock.lock();
        state_read_ = std::chrono::steady_clock::now() + kStateFor;
        state_ = s;
    }
    StoreState s = state_;
    s.refused = refused_, s.trouble = trouble_;
    return s;
}

StoreState PostgresStore::read_state() const {
    return pool_.with([&](Postgres& db) {
        const Rows row = db.run("SELECT coalesce(sum(n), 0), coalesce(min(oldest), 0), (SELECT sum(" + std::string(kFileSize) +
                                ") FROM files), (SELECT count(*) FROM files) FROM facts");
        StoreState s;
        s.alerts = static_cast<uint64_t>(row.number(0, 0)), s.oldest_ns = row.number(0, 1);
        s.bytes = static_cast<uint64_t>(row.number(0, 2)), s.files = static_cast<uint64_t>(row.number(0, 3));
        return s;
    }, kStatePatience);
}

}  // namespace undercoat::collector
