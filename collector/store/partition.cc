// Writing a file of alerts, see partition.h.
#include "collector/store/partition.h"

#include <boost/json.hpp>

namespace undercoat::collector {
namespace {

constexpr int64_t kMinute = 60'000'000'000;

constexpr const char* kSchema = R"(
CREATE TABLE IF NOT EXISTS alerts(
  id INTEGER PRIMARY KEY, time INTEGER NOT NULL, received INTEGER NOT NULL, severity INTEGER NOT NULL, rule TEXT NOT NULL,
  source TEXT NOT NULL, hostname TEXT NOT NULL, agent TEXT NOT NULL, message TEXT NOT NULL, tags TEXT NOT NULL,
  fields TEXT NOT NULL, context TEXT NOT NULL);
CREATE VIRTUAL TABLE IF NOT EXISTS search USING fts5(words, terms, content='', columnsize=0, detail=column);
CREATE TABLE IF NOT EXISTS counts(
  minute INTEGER NOT NULL, severity INTEGER NOT NULL, rule TEXT NOT NULL, host TEXT NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY(minute, severity, rule, host)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS tag_counts(
  minute INTEGER NOT NULL, severity INTEGER NOT NULL, tag TEXT NOT NULL, n INTEGER NOT NULL,
  PRIMARY KEY(minute, severity, tag)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS minutes(minute INTEGER PRIMARY KEY, first INTEGER NOT NULL, last INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS progress(
  agent TEXT NOT NULL, epoch INTEGER NOT NULL, stream INTEGER NOT NULL, number INTEGER NOT NULL, seen INTEGER NOT NULL,
  gaps TEXT NOT NULL DEFAULT '', PRIMARY KEY(agent, epoch, stream)) WITHOUT ROWID;
PRAGMA user_version=3;
)";

// For files of versions 1 and 2, which lack these counts.
constexpr const char* kCountTags =
    "INSERT INTO tag_counts SELECT a.time / 60000000000, a.severity, t.value, count(*) FROM alerts a, json_each(a.tags) t GROUP BY 1, 2, 3";

}  // namespace

PartitionWriter::PartitionWriter(uint32_t number, const std::string& path, const Progress& progress) : db_(path, Database::Use::write) {
    facts_.number = number;
    facts_.path = path;
    // What is acknowledged must outlive a power cut: docs/decisions/acknowledged-is-on-disk.md.
    db_.run("PRAGMA synchronous=FULL; PRAGMA journal_size_limit=67108864; PRAGMA wal_autocheckpoint=4000; PRAGMA cache_size=-16384;");
    create(progress);
}

void PartitionWriter::prepare() {
    alert_.emplace(
        db_,
        "INSERT INTO alerts(time, received, severity, rule, source, hostname, agent, message, tags, fields, context)"
        " VALUES(?,?,?,?,?,?,?,?,?,?,?)");
    words_.emplace(db_, "INSERT INTO search(rowid, words, terms) VALUES(?,?,?)");
    count_.emplace(db_,
                   "INSERT INTO counts(minute, severity, rule, host, n) VALUES(?,?,?,?,?)"
                   " ON CONFLICT DO UPDATE SET n = n + excluded.n");
    tag_.emplace(db_,
                 "INSERT INTO tag_counts(minute, severity, tag, n) VALUES(?,?,?,?)"
                 " ON CONFLICT DO UPDATE SET n = n + excluded.n");
    minute_.emplace(db_,
                    "INSERT INTO minutes(minute, first, last) VALUES(?,?,?)"
                    " ON CONFLICT DO UPDATE SET first = min(first, excluded.first), last = max(last, excluded.last)");
    progress_.emplace(db_,
                      "INSERT INTO progress(agent, epoch, stream, number, seen, gaps) VALUES(?,?,?,?,?,?)"
                      " ON CONFLICT DO UPDATE SET number = excluded.number, seen = excluded.seen, gaps = excluded.gaps");
}

void PartitionWriter::create(const Progress& progress) {
    Transaction t(db_);
    int64_t version = 0;  // 0: a new file
    if (Statement asked(db_, "PRAGMA user_version"); asked.step()) version = asked.number(0);
    if (version == 1) db_.run("ALTER TABLE progress ADD COLUMN gaps TEXT NOT NULL DEFAULT ''");
    db_.run(kSchema);
    if (version == 1 || version == 2) db_.run(kCountTags);
    prepare();
    if (version == 0) keep(progress);
    t.commit();
    Statement facts(db_, "SELECT count(*), coalesce(min(received), 0), coalesce(max(received), 0) FROM alerts");
    if (!facts.step() || facts.number(0) == 0) return;
    facts_.rows = facts.number(0);
    facts_.first_received = facts.number(1);
    facts_.last_received = facts.number(2);
    Statement times(db_, "SELECT min(minute), max(minute) FROM minutes");
    if (times.step()) facts_.min_time = times.number(0) * kMinute, facts_.max_time = (times.number(1) + 1) * kMinute;
}

Progress PartitionWriter::read_progress() {
    Progress out;
    Statement rows(db_, "SELECT agent, epoch, stream, number, seen, gaps FROM progress");
    while (rows.step()) {
        StreamProgress& p = out[{rows.text(0), static_cast<uint64_t>(rows.number(1)), static_cast<uint32_t>(rows.number(2))}];
        p.number = static_cast<uint64_t>(rows.number(3)), p.seen_ns = rows.number(4);
        p.read_gaps(rows.view(5));
    }
    return out;
}

void PartitionWriter::insert(AlertRecord& r) {
    Statement& s = *alert_;
    s.bind(1, r.time_ns)
        .bind(2, r.received_ns)
        .bind(3, static_cast<int64_t>(r.severity))
        .bind(4, r.rule)
        .bind(5, r.source);
    s.bind(6, r.hostname).bind(7, r.agent).bind(8, r.message).bind(9, r.tags).bind(10, r.fields).bind(11, r.context);
    s.run();
    r.id = {facts_.number, db_.last_row()};
    const std::string words = r.message + " " + r.rule + " " + r.hostname, terms = terms_of(r);
    words_->bind(1, r.id.row).bind(2, words).bind(3, terms);
    words_->run();
}

void PartitionWriter::count(const std::vector<AlertRecord>& records) {
    std::map<std::tuple<int64_t, unsigned, std::string_view, std::string_view>, int64_t> counts;
    std::map<std::tuple<int64_t, unsigned, std::string>, int64_t> tags;
    std::map<int64_t, std::pair<int64_t, int64_t>> minutes;
    for (const AlertRecord& r : records) {
        const int64_t minute = r.time_ns / kMinute;
        ++counts[{minute, r.severity, r.rule, r.hostname}];
        ShortLived memory;
        if (const auto list = parse_bounded(r.tags, memory.storage()); list.is_array())
            for (const auto& tag : list.get_array())
                if (tag.is_string()) ++tags[{minute, r.severity, std::string(tag.get_string())}];
        auto [it, fresh] = minutes.try_emplace(minute, r.id.row, r.id.row);
        it->second.second = r.id.row;
    }
    for (const auto& [key, n] : counts) {
        const auto& [minute, severity, rule, host] = key;
        count_->bind(1, minute).bind(2, static_cast<int64_t>(severity)).bind(3, rule).bind(4, host).bind(5, n);
        count_->run();
    }
    for (const auto& [key, n] : tags) {
        const auto& [minute, severity, tag] = key;
        tag_->bind(1, minute).bind(2, static_cast<int64_t>(severity)).bind(3, tag).bind(4, n);
        tag_->run();
    }
    for (const auto& [minute, rows] : minutes) {
        minute_->bind(1, minute).bind(2, rows.first).bind(3, rows.second);
        minute_->run();
    }
}

void PartitionWriter::keep(const Progress& progress) {
    for (const auto& [key, p] : progress) {
        const auto& [agent, epoch, stream] = key;
        progress_->bind(1, agent).bind(2, static_cast<int64_t>(epoch)).bind(3, static_cast<int64_t>(stream));
        const std::string gaps = p.gaps_text();
        progress_->bind(4, static_cast<int64_t>(p.number)).bind(5, p.seen_ns).bind(6, gaps);
        progress_->run();
    }
}

void PartitionWriter::write(std::vector<AlertRecord>& records, const Progress& progress) {
    Transaction transaction(db_);
    try {
        for (AlertRecord& r : records) insert(r);
        count(records);
        keep(progress);
        transaction.commit();
    } catch (const SqliteError&) {
        for (auto* s : {&alert_, &words_, &count_, &tag_, &minute_, &progress_}) (*s)->reset();
        throw;
    }
    for (const AlertRecord& r : records) {
        facts_.min_time = std::min(facts_.min_time, r.time_ns),
        facts_.max_time = std::max(facts_.max_time, r.time_ns + 1);
        facts_.first_received = std::min(facts_.first_received, r.received_ns);
        facts_.last_received = std::max(facts_.last_received, r.received_ns);
    }
    facts_.rows += static_cast<int64_t>(records.size());
}

}  // namespace undercoat::collector
