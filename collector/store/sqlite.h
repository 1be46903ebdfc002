// SQLite as objects: a database and a statement.
//
// Must stay true: values reach SQL by binding only; a failure is thrown as SqliteError and caught where a Result is made.
// An object belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

struct sqlite3;
struct sqlite3_stmt;

namespace undercoat::collector {

struct SqliteError : std::runtime_error {
    SqliteError(const std::string& what, int error) : std::runtime_error(what), code(error) {}
    int code;  // SQLITE_…
};

class Database {
public:
    enum class Use { write, read };
    // Opens, or with Use::write creates, the file.
    Database(const std::string& path, Use use);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    void run(const std::string& sql);  // statements without values
    void wait_for_locks(int milliseconds);  // of others, before a statement fails; 5000 at first
    int64_t last_row() const;
    int64_t changes() const;
    bool in_transaction() const;
    // Called every some thousand steps of a statement; not 0: give up (the statement throws, code SQLITE_INTERRUPT).
    void set_progress(int (*give_up)(void*), void* context);
    sqlite3* handle() const { return db_; }

private:
    sqlite3* db_ = nullptr;
};

class Statement {
public:
    Statement(Database& db, const std::string& sql);
    ~Statement();
    Statement(Statement&& o) noexcept;
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    // Parameters, from 1 on. Texts must live until the next reset().
    Statement& bind(int index, int64_t value);
    Statement& bind(int index, std::string_view text);
    Statement& bind_blob(int index, std::string_view bytes);
    // True: there is a row.
    bool step();
    // Runs to the end and makes it ready again.
    void run();
    void reset();

    int64_t number(int column) const;
    std::string text(int column) const;
    std::string_view view(int column) const;  // until the next step

private:
    Database* db_;
    sqlite3_stmt* statement_ = nullptr;
};

// BEGIN … COMMIT; rolled back unless committed.
class Transaction {
public:
    explicit Transaction(Database& db) : db_(db) { db_.run("BEGIN IMMEDIATE"); }
    ~Transaction();
    void commit() { db_.run("COMMIT"); }

private:
    Database& db_;
};

}  // namespace undercoat::collector
