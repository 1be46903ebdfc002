// The store in PostgreSQL, which several collectors share. The same files, numbers and counts as in SQLite, as partitions and tables.
//
// Must stay true (store.h): what a stream has brought is read and changed in the transaction that stores it, with its row locked, so
// that a number is stored once whoever brings it; an alert that the server refuses for good holds up no other; nothing is deleted but
// by tidy(), and that by one collector at a time. Thread-safe.
#pragma once

#include "collector/store/postgres.h"
#include "collector/store/sqlite_store.h"

#include <functional>
#include <set>

namespace undercoat::collector {

// A word as the index keeps it: its beginning, where it is longer than an index takes.
std::string cut_word(std::string word);

class PostgresStore : public Store {
public:
    // settings.directory means nothing.
    using Log = std::function<void(const std::string&)>;
    PostgresStore(PostgresPool& pool, const StoreSettings& settings, Log log);

    Result<Stored> commit(const std::vector<Incoming>& incoming) override;
    void tidy() override;
    Result<Page> search(const Search& search) override;
    std::optional<AlertRecord> find(const AlertId& id) override;
    Result<Histogram> histogram(const Search& search, int64_t step_ns) override;
    Result<Top> top(const Search& search, const std::string& field, size_t count) override;
    StoreState state() const override;
    // Those of one commit, a part at a time; ids from `first` to `last`.
    void each(uint32_t file, int64_t first, int64_t last, const std::function<void(std::vector<AlertRecord>&&)>& use);

private:
    using Aside = std::set<const remote::Alert*>;  // not to be stored; their numbers have been here all the same
    Stored commit(Postgres& db, const std::vector<Incoming>& incoming, const Aside& aside, bool keeps = true);
    Aside refused(Postgres& db, const std::vector<Incoming>& incoming);
    void write(Postgres& db, std::vector<AlertRecord>& records);
    void count(Postgres& db, const std::vector<AlertRecord>& records);
    void roll_if_full(Postgres& db);
    void delete_old_files(Postgres& db);
    void forget(Postgres& db);
    StoreState read_state() const;
    // `most`: alerts that are probably wanted.
    template <class OnAlert>
    bool scan(const Search& search, size_t most, std::optional<AlertId>& reached, OnAlert on_alert);

    PostgresPool& pool_;
    const StoreSettings settings_;
    const Log log_;
    mutable std::mutex mutex_;  // of what follows
    mutable StoreState state_;
    mutable Deadline state_read_{};
    std::string trouble_;
    uint64_t refused_ = 0;
    Deadline next_forget_{};
};

}  // namespace undercoat::collector
