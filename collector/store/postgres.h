// PostgreSQL as objects: a connection, the parameters of a statement, the rows of its answer, and a pool of connections.
//
// Must stay true: values reach SQL as parameters only; no call takes a second longer than its deadline, whatever the server does (but for the
// resolution of its name); a failure is thrown as PostgresError. A connection belongs to one thread at a time, the pool to all.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

struct pg_conn;
struct pg_result;

namespace undercoat::collector {

using Deadline = std::chrono::steady_clock::time_point;
inline constexpr auto kStatementPatience = std::chrono::seconds(30);

struct PostgresError : std::runtime_error {
    PostgresError(const std::string& what, std::string sqlstate, bool is_late = false)
        : std::runtime_error(what), state(std::move(sqlstate)), late(is_late) {}
    std::string state;  // SQLSTATE; empty: the connection is lost
    bool late;          // the deadline passed
};

struct PostgresSettings {
    std::string url;       // as libpq takes it; may name several hosts
    std::string password;  // instead of one in the URL; empty: none
};

// $1, $2 … of a statement, in binary form.
class Params {
public:
    Params& add(int64_t value);
    Params& add(std::string_view text);  // as made by storable()
    Params& add(const std::vector<int64_t>& values);
    Params& add(const std::vector<std::string>& texts);

private:
    friend class Postgres;
    std::vector<unsigned> types_;
    std::vector<std::string> values_;
};

// What PostgreSQL can keep, never longer: U+001A (SUBSTITUTE) in the place of NUL and of each byte that is no UTF-8.
std::string storable(std::string_view text);

class Rows {
public:
    explicit Rows(pg_result* result) : result_(result) {}
    ~Rows();
    Rows(Rows&& o) noexcept : result_(o.result_) { o.result_ = nullptr; }
    Rows(const Rows&) = delete;
    Rows& operator=(const Rows&) = delete;

    int size() const;
    bool null(int row, int column) const;
    int64_t number(int row, int column) const;  // 0 where it is none
    std::string text(int row, int column) const;
    int64_t changed() const;  // rows, by a statement that changes some

private:
    pg_result* result_;
};

class Postgres {
public:
    Postgres(const PostgresSettings& settings, Deadline deadline);
    ~Postgres();
    Postgres(const Postgres&) = delete;
    Postgres& operator=(const Postgres&) = delete;

    // One statement.
    Rows run(const char* sql, const Params& params = {}, std::optional<Deadline> deadline = std::nullopt);
    Rows run(const std::string& sql, const Params& params = {}, std::optional<Deadline> deadline = std::nullopt) {
        return run(sql.c_str(), params, deadline);
    }
    void script(const char* sql, std::optional<Deadline> deadline = std::nullopt);  // several, without values
    struct Notice {
        std::string payload;
    };
    // What others have told this connection since; waits for something until the deadline, or until `wake` is readable.
    std::vector<Notice> notices(Deadline until, int wake);
    bool broken() const;
    void be_patient(std::chrono::seconds patience) { patience_ = patience; }  // with statements that name no deadline
    int64_t backend() const;  // the number of the server's process
    // Why whoever is on the way may read or pretend to be the server; empty: nobody may, or it is on this machine.
    std::string unverified() const;

private:
    void connect_to_any(const PostgresSettings& settings, Deadline deadline);
    void connect(const PostgresSettings& settings, const std::string& host, const std::string& port, Deadline deadline);
    void wait(bool for_writing, Deadline deadline);
    pg_result* answer(Deadline deadline);
    void limit(Deadline deadline);
    [[noreturn]] void fail(pg_result* result);

    pg_conn* db_ = nullptr;
    bool broken_ = false;
    std::chrono::seconds patience_ = kStatementPatience;
    int limit_ = 0;  // milliseconds that a statement may take there; 0: not known
};

// BEGIN … COMMIT; rolled back unless committed.
class PostgresTransaction {
public:
    explicit PostgresTransaction(Postgres& db) : db_(db) { db_.run("BEGIN"); }
    ~PostgresTransaction();
    void commit();

private:
    Postgres& db_;
    bool done_ = false;
};

// Must stay true: while the server is away it is asked in growing intervals, up to five seconds, whoever wants something.
class PostgresPool {
public:
    explicit PostgresPool(PostgresSettings settings) : settings_(std::move(settings)) {}

    // Calls use(Postgres&) with a connection that nobody else uses, and returns what it returns.
    // `patience`: of each statement that names no deadline, and of connecting.
    template <class Use>
    auto with(Use use, std::chrono::seconds patience = kStatementPatience) {
        Lease lease{*this, take(patience)};
        return use(*lease.db);
    }
    // What somebody waits for who has other things to do as well.
    template <class Use>
    auto soon(Use use) {
        return with(std::move(use), std::chrono::seconds(5));
    }

private:
    struct Lease {
        PostgresPool& pool;
        std::unique_ptr<Postgres> db;
        ~Lease() { pool.give_back(std::move(db)); }
    };
    std::unique_ptr<Postgres> take(std::chrono::seconds patience);
    void give_back(std::unique_ptr<Postgres> db);

    const PostgresSettings settings_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Postgres>> idle_;
    Deadline not_before_{};
    std::chrono::milliseconds pause_{0};
    std::string trouble_;
};

}  // namespace undercoat::collector
