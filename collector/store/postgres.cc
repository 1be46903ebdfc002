// See postgres.h. libpq: https://www.postgresql.org/docs/15/libpq-async.html; binary arrays: array_recv() of its server.
#include "collector/store/postgres.h"

#include "base/utf8.h"

#include <libpq-fe.h>
#include <poll.h>

#include <algorithm>
#include <charconv>
#include <random>
#include <utility>

namespace undercoat::collector {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr unsigned kInt8 = 20, kText = 25, kTextArray = 1009, kInt8Array = 1016;  // pg_type.dat
constexpr std::chrono::seconds kConnectPatience(5);
constexpr auto kGrace = std::chrono::seconds(1);  // until an answer that says "too late" is here
constexpr std::string_view kCanceled = "57014";   // query_canceled
constexpr std::string_view kBadUrl = "F0000";     // config_file_error: to try again is of no use
constexpr size_t kMostIdle = 8;

template <class Number>
void put(Number n, std::string& out) {
    for (int shift = sizeof n * 8 - 8; shift >= 0; shift -= 8) out += static_cast<char>(static_cast<uint64_t>(n) >> shift);
}

std::string array_head(unsigned type, size_t count) {
    std::string out;
    put<int32_t>(count ? 1 : 0, out);  // dimensions
    put<int32_t>(0, out);              // no nulls
    put<int32_t>(static_cast<int32_t>(type), out);
    if (count) put<int32_t>(static_cast<int32_t>(count), out), put<int32_t>(1, out);
    return out;
}

// What the server says goes to logs and terminals.
std::string one_line(const char* message) {
    std::string text = message ? message : "", out;
    while (!text.empty() && (text.back() == '\n' || text.back() == '.')) text.pop_back();
    std::replace(text.begin(), text.end(), '\n', ' ');
    append_harmless(text, out);
    return out.empty() ? "the connection is lost" : out;
}

int left(Deadline deadline) {
    const auto ms = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
    return static_cast<int>(std::clamp<int64_t>(ms, 0, 600'000));
}

std::vector<std::string> parts(std::string_view list) {
    std::vector<std::string> out;
    for (size_t at = 0; at <= list.size();) {
        const size_t end = std::min(list.find(',', at), list.size());
        out.emplace_back(list.substr(at, end - at));
        at = end + 1;
    }
    return out;
}

// The hosts of a URL one by one: libpq would wait for the first that is silent until the time for all is over.
struct Host {
    std::string name, port;
};
std::vector<Host> hosts_of(const PQconninfoOption* options) {
    std::string_view names, ports, addresses;
    for (const PQconninfoOption* o = options; o->keyword; ++o) {
        const std::string_view value = o->val ? o->val : "";
        if (std::string_view(o->keyword) == "host") names = value;
        if (std::string_view(o->keyword) == "port") ports = value;
        if (std::string_view(o->keyword) == "hostaddr") addresses = value;
    }
    std::vector<Host> out;
    const std::vector<std::string> all = parts(names), numbers = parts(ports);
    if (all.size() < 2 || !addresses.empty() || (numbers.size() != 1 && numbers.size() != all.size())) return out;
    for (size_t i = 0; i < all.size(); ++i) out.push_back({all[i], numbers[numbers.size() == 1 ? 0 : i]});
    return out;
}

// What libpq says of a URL that it does not understand shows parts of the password, which often are what it does not understand.
// Returns its hosts, if there are several.
std::vector<Host> check_url(const std::string& url) {
    const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> parsed(PQconninfoParse(url.c_str(), nullptr), PQconninfoFree);
    bool good = parsed != nullptr;
    for (const PQconninfoOption* o = parsed.get(); good && o->keyword; ++o) {
        const std::string_view name = o->keyword, value = o->val ? o->val : "";
        if (name == "port") good = value.find_first_not_of("0123456789,") == value.npos;
        if (name == "host" || name == "dbname") good = value.find('@') == value.npos;
    }
    if (!good)
        throw PostgresError("its URL is malformed; allowed is postgresql://user:password@host:port/database, where in the password /, @, : and % are"
                            " written as %2F, %40, %3A and %25", std::string(kBadUrl));
    return hosts_of(parsed.get());
}

}  // namespace

std::string storable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (size_t at = 0; at < text.size();) {
        const size_t length = text[at] == 0 ? 0 : utf8_length(text, at);
        if (length) out += text.substr(at, length);
        else out += '\x1a';
        at += std::max<size_t>(length, 1);
    }
    return out;
}

Params& Params::add(int64_t value) {
    types_.push_back(kInt8);
    put(value, values_.emplace_back());
    return *this;
}

Params& Params::add(std::string_view text) {
    types_.push_back(kText);
    values_.emplace_back(text);
    return *this;
}

Params& Params::add(const std::vector<int64_t>& values) {
    types_.push_back(kInt8Array);
    std::string& out = values_.emplace_back(array_head(kInt8, values.size()));
    for (const int64_t v : values) put<int32_t>(8, out), put(v, out);
    return *this;
}

Params& Params::add(const std::vector<std::string>& texts) {
    types_.push_back(kTextArray);
    std::string& out = values_.emplace_back(array_head(kText, texts.size()));
    for (const std::string& t : texts) put<int32_t>(static_cast<int32_t>(t.size()), out), out += t;
    return *this;
}

Rows::~Rows() { PQclear(result_); }
int Rows::size() const { return PQntuples(result_); }
bool Rows::null(int row, int column) const { return PQgetisnull(result_, row, column) != 0; }
std::string Rows::text(int row, int column) const {
    return {PQgetvalue(result_, row, column), static_cast<size_t>(PQgetlength(result_, row, column))};
}
int64_t Rows::number(int row, int column) const {
    const char* text = PQgetvalue(result_, row, column);
    int64_t n = 0;
    std::from_chars(text, text + PQgetlength(result_, row, column), n);
    return n;
}
int64_t Rows::changed() const {
    const std::string_view text = PQcmdTuples(result_);
    int64_t n = 0;
    std::from_chars(text.data(), text.data() + text.size(), n);
    return n;
}

Postgres::Postgres(const PostgresSettings& settings, Deadline deadline) {
    try {
        connect_to_any(settings, deadline);
        script("SET idle_in_transaction_session_timeout = 60000; SET lock_timeout = 15000; SET client_min_messages = warning;"
               "SET search_path = undercoat, pg_catalog;"
               // Statements are short: to compile one takes longer than it saves.
               "SET jit = off;"
               // What a machine that lost its power had locked is free again after seconds, not hours.
               "SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 3;"
               // An administrator's choice that an acknowledgement means nothing is not followed.
               "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'", deadline);
    } catch (const PostgresError&) {
        PQfinish(db_);
        throw;
    }
}

Postgres::~Postgres() { PQfinish(db_); }

// In the order of the URL, each for its share of the time.
void Postgres::connect_to_any(const PostgresSettings& settings, Deadline deadline) {
    const std::vector<Host> hosts = check_url(settings.url);
    for (size_t i = 0; i + 1 < hosts.size(); ++i) {
        const auto share = (deadline - steady_clock::now()) / static_cast<int>(hosts.size() - i);
        try {
            return connect(settings, hosts[i].name, hosts[i].port, steady_clock::now() + share);
        } catch (const PostgresError&) {
            PQfinish(std::exchange(db_, nullptr));
            broken_ = false;
        }
    }
    connect(settings, hosts.empty() ? "" : hosts.back().name, hosts.empty() ? "" : hosts.back().port, deadline);
}

// `host`, `port`: one of those in the URL; empty: all.
void Postgres::connect(const PostgresSettings& settings, const std::string& host, const std::string& port, Deadline deadline) {
    // What stands before the URL it may say otherwise.
    std::vector<const char*> names{"keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout", "dbname",
                                   "fallback_application_name", "client_encoding"};
    std::vector<const char*> values{"5", "2", "3", "15000", settings.url.c_str(), "undercoat-collector", "UTF8"};
    const auto also = [&](const char* name, const std::string& value) {
        if (!value.empty()) names.push_back(name), values.push_back(value.c_str());
    };
    also("password", settings.password), also("host", host), also("port", port);
    names.push_back(nullptr), values.push_back(nullptr);
    db_ = PQconnectStartParams(names.data(), values.data(), 1);
    if (!db_) throw PostgresError("no memory", "");
    PQsetNoticeProcessor(db_, [](void*, const char*) {}, nullptr);
    for (auto state = PGRES_POLLING_WRITING; state != PGRES_POLLING_OK; state = PQconnectPoll(db_)) {
        if (state == PGRES_POLLING_FAILED || PQstatus(db_) == CONNECTION_BAD) throw PostgresError(one_line(PQerrorMessage(db_)), "");
        wait(state == PGRES_POLLING_WRITING, deadline);
    }
    PQsetnonblocking(db_, 1);
}

void Postgres::wait(bool for_writing, Deadline deadline) {
    pollfd p{PQsocket(db_), static_cast<short>(for_writing ? POLLIN | POLLOUT : POLLIN), 0};
    if (left(deadline) > 0 && ::poll(&p, 1, left(deadline)) != 0) return;
    broken_ = true;
    throw PostgresError("the server does not answer in time", "", true);
}

bool Postgres::broken() const { return broken_ || PQstatus(db_) != CONNECTION_OK || PQtransactionStatus(db_) != PQTRANS_IDLE; }

int64_t Postgres::backend() const { return PQbackendPID(db_); }

std::string Postgres::unverified() const {
    const std::string_view host = PQhost(db_) ? PQhost(db_) : "";
    if (host.empty() || host.starts_with('/') || host == "localhost" || host == "::1" || host.starts_with("127.")) return "";
    const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(PQconninfo(db_), PQconninfoFree);
    std::string_view mode;
    for (const PQconninfoOption* o = options.get(); o && o->keyword; ++o)
        if (std::string_view(o->keyword) == "sslmode" && o->val) mode = o->val;
    if (mode == "verify-full") return "";
    return "the connection to " + std::string(host) + (PQsslInUse(db_) ? " is encrypted, but whose certificate it is was not checked" : " is not encrypted") +
           ": put ?sslmode=verify-full&sslrootcert=FILE behind the store's URL";
}

void Postgres::fail(pg_result* result) {
    const char* state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : nullptr;
    const char* primary = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : nullptr;
    const bool lost = !state || PQstatus(db_) != CONNECTION_OK;
    const PostgresError error(one_line(primary ? primary : PQerrorMessage(db_)), lost ? "" : state, !lost && std::string_view(state) == kCanceled);
    PQclear(result);
    throw error;
}

// The statement's last result, after everything was taken.
pg_result* Postgres::answer(Deadline deadline) {
    for (int unsent = PQflush(db_); unsent != 0; unsent = PQflush(db_)) {
        if (unsent < 0) fail(nullptr);
        wait(true, deadline);
        if (!PQconsumeInput(db_)) fail(nullptr);
    }
    pg_result* last = nullptr;
    for (;;) {
        while (PQisBusy(db_)) {
            try {
                wait(false, deadline);
            } catch (const PostgresError&) {
                PQclear(last);
                throw;
            }
            if (!PQconsumeInput(db_)) {
                PQclear(last);
                fail(nullptr);
            }
        }
        pg_result* next = PQgetResult(db_);
        if (!next) return last;
        // The first failure is the one to tell.
        if (last && PQresultStatus(last) == PGRES_FATAL_ERROR) PQclear(next);
        else PQclear(last), last = next;
    }
}

// The server gives up at the deadline by itself: to cancel from here would be another connection, and another wait.
void Postgres::limit(Deadline deadline) {
    const int wanted = (left(deadline) / 100 + 1) * 100;
    if (wanted == limit_) return;
    limit_ = 0;
    script(("SET statement_timeout = " + std::to_string(wanted)).c_str(), deadline + kGrace);
    limit_ = wanted;
}

Rows Postgres::run(const char* sql, const Params& params, std::optional<Deadline> given) {
    const Deadline deadline = given.value_or(steady_clock::now() + patience_);
    limit(deadline);
    std::vector<const char*> values;
    std::vector<int> lengths, formats;
    for (const std::string& v : params.values_) values.push_back(v.data()), lengths.push_back(static_cast<int>(v.size())), formats.push_back(1);
    if (!PQsendQueryParams(db_, sql, static_cast<int>(values.size()), params.types_.data(), values.data(), lengths.data(), formats.data(), 0)) fail(nullptr);
    pg_result* result = answer(deadline + kGrace);
    const auto status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) fail(result);
    return Rows(result);
}

void Postgres::script(const char* sql, std::optional<Deadline> deadline) {
    if (!PQsendQuery(db_, sql)) fail(nullptr);
    pg_result* result = answer(deadline.value_or(steady_clock::now() + patience_));
    if (PQresultStatus(result) == PGRES_FATAL_ERROR || !result) fail(result);
    PQclear(result);
}

std::vector<Postgres::Notice> Postgres::notices(Deadline until, int wake) {
    std::vector<Notice> out;
    const auto collect = [&] {
        if (!PQconsumeInput(db_)) fail(nullptr);
        while (PGnotify* n = PQnotifies(db_)) {
            out.push_back({n->extra});
            PQfreemem(n);
        }
    };
    collect();
    if (!out.empty()) return out;
    pollfd p[] = {{PQsocket(db_), POLLIN, 0}, {wake, POLLIN, 0}};
    if (::poll(p, 2, left(until)) > 0 && p[0].revents != 0) collect();
    return out;
}

PostgresTransaction::~PostgresTransaction() {
    if (done_ || db_.broken() == false) return;
    try {
        db_.script("ROLLBACK");
    } catch (const PostgresError&) {
        // the connection is lost, and the transaction with it
    }
}

// A time limit would end no more than the wait for a standby: what is stored here alone would be taken for safe.
void PostgresTransaction::commit() {
    db_.script("SET LOCAL statement_timeout = 0; COMMIT");
    done_ = true;
}

std::unique_ptr<Postgres> PostgresPool::take(std::chrono::seconds patience) {
    {
        std::lock_guard lock(mutex_);
        while (!idle_.empty()) {
            auto db = std::move(idle_.back());
            idle_.pop_back();
            try {
                db->notices({}, -1);  // notices an end that the server has told
            } catch (const PostgresError&) {
                continue;
            }
            if (db->broken()) continue;
            db->be_patient(patience);
            return db;
        }
        if (steady_clock::now() < not_before_) throw PostgresError(trouble_, "");
    }
    try {
        auto db = std::make_unique<Postgres>(settings_, steady_clock::now() + std::min(patience, kConnectPatience));
        db->be_patient(patience);
        std::lock_guard lock(mutex_);
        pause_ = {};
        return db;
    } catch (const PostgresError& e) {
        std::lock_guard lock(mutex_);
        trouble_ = std::string("PostgreSQL cannot be reached: ") + e.what();
        pause_ = std::clamp(pause_ * 2, milliseconds(100), milliseconds(4000));
        thread_local std::minstd_rand random{std::random_device{}()};
        not_before_ = steady_clock::now() + pause_ + pause_ * static_cast<int>(random() % 256) / 1024;
        throw PostgresError(trouble_, e.state == kBadUrl ? e.state : "");
    }
}

void PostgresPool::give_back(std::unique_ptr<Postgres> db) {
    if (!db || db->broken()) return;
    std::lock_guard lock(mutex_);
    if (idle_.size() < kMostIdle) idle_.push_back(std::move(db));
}

}  // namespace undercoat::collector
