// See postgres_schema.h.
#include "collector/store/postgres_schema.h"

#include "collector/record.h"

namespace undercoat::collector {
namespace {

constexpr int64_t kVersion = 1;
constexpr int64_t kSchemaLock = 0x756e6465'00000001;  // advisory

// `slot`: collectors that count the same at the same time do so in rows of their own; sums are taken when they are read.
constexpr const char* kSchema = R"(
CREATE TABLE IF NOT EXISTS about(version bigint NOT NULL);
CREATE SEQUENCE IF NOT EXISTS alert_blocks INCREMENT BY 8192 MINVALUE 0 START 0;
CREATE TABLE IF NOT EXISTS files(file bigint PRIMARY KEY, begun bigint NOT NULL);
CREATE TABLE IF NOT EXISTS alerts(
  file bigint NOT NULL, id bigint NOT NULL, time bigint NOT NULL, received bigint NOT NULL, severity bigint NOT NULL, rule text NOT NULL,
  source text NOT NULL, hostname text NOT NULL, agent text NOT NULL, message text NOT NULL, tags text NOT NULL, fields text NOT NULL,
  context text NOT NULL, search tsvector NOT NULL, PRIMARY KEY(file, id)) PARTITION BY LIST(file);
CREATE INDEX IF NOT EXISTS alerts_search ON alerts USING gin(search);
CREATE TABLE IF NOT EXISTS counts(
  file bigint NOT NULL, minute bigint NOT NULL, severity bigint NOT NULL, rule text NOT NULL, host text NOT NULL, slot bigint NOT NULL,
  n bigint NOT NULL, PRIMARY KEY(file, minute, severity, rule, host, slot));
CREATE TABLE IF NOT EXISTS tag_counts(
  file bigint NOT NULL, minute bigint NOT NULL, severity bigint NOT NULL, tag text NOT NULL, slot bigint NOT NULL, n bigint NOT NULL,
  PRIMARY KEY(file, minute, severity, tag, slot));
CREATE TABLE IF NOT EXISTS minutes(
  file bigint NOT NULL, minute bigint NOT NULL, slot bigint NOT NULL, first bigint NOT NULL, last bigint NOT NULL,
  PRIMARY KEY(file, minute, slot));
CREATE TABLE IF NOT EXISTS facts(
  file bigint NOT NULL, slot bigint NOT NULL, n bigint NOT NULL, first bigint NOT NULL, last bigint NOT NULL, oldest bigint NOT NULL,
  received bigint NOT NULL, PRIMARY KEY(file, slot));
CREATE TABLE IF NOT EXISTS progress(
  agent text NOT NULL, epoch bigint NOT NULL, stream bigint NOT NULL, number bigint NOT NULL, seen bigint NOT NULL, gaps text NOT NULL,
  PRIMARY KEY(agent, epoch, stream));
CREATE TABLE IF NOT EXISTS taken(identity text PRIMARY KEY, seen bigint NOT NULL);
CREATE TABLE IF NOT EXISTS agents(
  id text PRIMARY KEY, about text NOT NULL DEFAULT '', seen bigint NOT NULL DEFAULT 0, alerts bigint NOT NULL DEFAULT 0,
  missing bigint NOT NULL DEFAULT 0, changed bigint NOT NULL);
CREATE INDEX IF NOT EXISTS agents_changed ON agents(changed);
CREATE TABLE IF NOT EXISTS keys(
  name text PRIMARY KEY, hash text NOT NULL UNIQUE, role text NOT NULL, hint text NOT NULL, created bigint NOT NULL);
CREATE TABLE IF NOT EXISTS users(name text PRIMARY KEY, password text NOT NULL);
CREATE TABLE IF NOT EXISTS sessions(hash text PRIMARY KEY, owner text NOT NULL, csrf text NOT NULL, expires bigint NOT NULL);
CREATE TABLE IF NOT EXISTS rulesets(
  name text NOT NULL, number bigint NOT NULL, scope text NOT NULL, position bigint NOT NULL, created bigint NOT NULL, author text NOT NULL,
  removed bigint NOT NULL, files text NOT NULL, PRIMARY KEY(name, number));
)";

}  // namespace

void begin_postgres_file(Postgres& db, int64_t last) {
    db.run("SELECT pg_advisory_xact_lock($1)", Params().add(kSchemaLock));
    if (db.run("SELECT coalesce(max(file), 0) FROM files").number(0, 0) != last) return;
    const std::string name = "alerts_" + std::to_string(last + 1);
    // Attached afterwards: that locks nobody out who reads or stores.
    db.run("CREATE TABLE " + name + " (LIKE alerts INCLUDING ALL)");
    db.run("ALTER TABLE alerts ATTACH PARTITION " + name + " FOR VALUES IN (" + std::to_string(last + 1) + ")");
    db.run("INSERT INTO files(file, begun) VALUES($1, $2)", Params().add(last + 1).add(now_ns()));
}

void make_schema(Postgres& db) {
    const std::string encoding = db.run("SHOW server_encoding").text(0, 0);
    if (encoding != "UTF8") throw PostgresError("the database's encoding is " + encoding + "; it must be UTF8", "0A000");
    PostgresTransaction t(db);
    db.run("SELECT pg_advisory_xact_lock($1)", Params().add(kSchemaLock));
    const bool known = db.run("SELECT 1 FROM pg_tables WHERE schemaname = 'undercoat' AND tablename = 'rulesets'").size() > 0;
    if (!known) {
        // Not IF NOT EXISTS alone: that wants the right to make one also where it is there.
        if (db.run("SELECT 1 FROM pg_namespace WHERE nspname = 'undercoat'").size() == 0) db.run("CREATE SCHEMA undercoat");
        db.script(kSchema);
        db.run("INSERT INTO about(version) VALUES($1)", Params().add(kVersion));
    }
    if (const int64_t version = db.run("SELECT max(version) FROM about").number(0, 0); version != kVersion)
        throw PostgresError("the tables are of version " + std::to_string(version) + "; this program knows " + std::to_string(kVersion), "0A000");
    if (db.run("SELECT 1 FROM files LIMIT 1").size() == 0) begin_postgres_file(db, 0);
    t.commit();
}

}  // namespace undercoat::collector
