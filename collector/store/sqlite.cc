// See sqlite.h.
#include "collector/store/sqlite.h"

#include <sqlite3.h>
#include <utility>

namespace undercoat::collector {
namespace {

[[noreturn]] void fail(sqlite3* db, const char* doing) {
    const int code = db ? sqlite3_errcode(db) : SQLITE_NOMEM;
    throw SqliteError(std::string(doing) + ": " + (db ? sqlite3_errmsg(db) : "out of memory"), code);
}

}  // namespace

Database::Database(const std::string& path, Use use) {
    const int flags =
        SQLITE_OPEN_NOMUTEX | (use == Use::write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE);
    if (sqlite3_open_v2(path.c_str(), &db_, flags, nullptr) != SQLITE_OK) {
        const std::string why = db_ ? sqlite3_errmsg(db_) : "out of memory";
        const int code = db_ ? sqlite3_errcode(db_) : SQLITE_NOMEM;
        sqlite3_close(db_);
        throw SqliteError(path + ": " + why, code);
    }
    wait_for_locks(5000);
    try {
        // A defence against hostile files and statements; nothing here needs what it forbids.
        sqlite3_db_config(db_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
        if (use == Use::write) run("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;");
        else run("PRAGMA query_only=1;");
        run("PRAGMA temp_store=MEMORY;");
    } catch (...) {
        sqlite3_close(db_);
        throw;
    }
}

Database::~Database() { sqlite3_close_v2(db_); }

void Database::run(const std::string& sql) {
    if (sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail(db_, "SQLite");
}
void Database::wait_for_locks(int milliseconds) { sqlite3_busy_timeout(db_, milliseconds); }
int64_t Database::last_row() const { return sqlite3_last_insert_rowid(db_); }
int64_t Database::changes() const { return sqlite3_changes64(db_); }
bool Database::in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }

void Database::set_progress(int (*give_up)(void*), void* context) {
    sqlite3_progress_handler(db_, give_up ? 2000 : 0, give_up, context);
}

Statement::Statement(Database& db, const std::string& sql) : db_(&db) {
    if (sqlite3_prepare_v3(db.handle(), sql.c_str(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT,
                           &statement_, nullptr) != SQLITE_OK)
        fail(db.handle(), "SQLite");
}
Statement::~Statement() { sqlite3_finalize(statement_); }
Statement::Statement(Statement&& o) noexcept : db_(o.db_), statement_(std::exchange(o.statement_, nullptr)) {}

Statement& Statement::bind(int index, int64_t value) {
    if (sqlite3_bind_int64(statement_, index, value) != SQLITE_OK) fail(db_->handle(), "SQLite");
    return *this;
}
Statement& Statement::bind(int index, std::string_view text) {
    if (sqlite3_bind_text(statement_, index, text.data() ? text.data() : "", static_cast<int>(text.size()),
                          SQLITE_STATIC) != SQLITE_OK)
        fail(db_->handle(), "SQLite");
    return *this;
}
Statement& Statement::bind_blob(int index, std::string_view bytes) {
    if (sqlite3_bind_blob(statement_, index, bytes.data() ? bytes.data() : "", static_cast<int>(bytes.size()),
                          SQLITE_STATIC) != SQLITE_OK)
        fail(db_->handle(), "SQLite");
    return *this;
}

bool Statement::step() {
    const int result = sqlite3_step(statement_);
    if (result == SQLITE_ROW) return true;
    if (result == SQLITE_DONE) return false;
    const std::string why = sqlite3_errmsg(db_->handle());
    sqlite3_reset(statement_);
    throw SqliteError("SQLite: " + why, result);
}
void Statement::run() {
    while (step()) {
    }
    reset();
}
void Statement::reset() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
}

int64_t Statement::number(int column) const { return sqlite3_column_int64(statement_, column); }
std::string_view Statement::view(int column) const {
    const auto* text = static_cast<const char*>(sqlite3_column_blob(statement_, column));
    return text ? std::string_view(text, static_cast<size_t>(sqlite3_column_bytes(statement_, column)))
                : std::string_view();
}
std::string Statement::text(int column) const { return std::string(view(column)); }

Transaction::~Transaction() {
    if (!db_.in_transaction()) return;
    try {
        db_.run("ROLLBACK");
    } catch (const SqliteError&) {
        // Nothing is left to undo then.
    }
}

}  // namespace undercoat::collector
