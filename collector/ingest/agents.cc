// See agents.h.
#include "collector/ingest/agents.h"

#include "collector/json.h"
#include "collector/store/progress.h"

#include <algorithm>
#include <boost/json.hpp>

namespace undercoat::collector {
namespace {

namespace json = boost::json;

constexpr int64_t kSilent = 90'000'000'000;  // three heartbeats

std::string text_of(const json::object& o, const char* name) {
    const auto* v = o.if_contains(name);
    return v && v->is_string() ? std::string(v->get_string()) : "";
}
int64_t number_of(const json::object& o, const char* name) {
    const auto* v = o.if_contains(name);
    return v && v->is_int64() ? v->get_int64() : 0;
}
int64_t time_of(const json::object& o, const char* name) {
    int64_t ns = 0;
    return parse_time(text_of(o, name), ns) ? ns : 0;
}

// What append_json() has written.
AgentRecord parsed(const json::object& o) {
    AgentRecord a;
    a.id = text_of(o, "id"), a.version = text_of(o, "version"), a.hostname = text_of(o, "hostname"),
    a.mode = text_of(o, "mode");
    a.rules_version = text_of(o, "rules_version"), a.address = text_of(o, "address");
    a.key = text_of(o, "key");
    a.via = text_of(o, "via");
    a.rules_refused = text_of(o, "rules_refused"), a.rules_message = text_of(o, "rules_message");
    if (const auto* relay = o.if_contains("relay")) a.relay = relay->is_bool() && relay->get_bool();
    a.started_ns = time_of(o, "started"), a.first_seen_ns = time_of(o, "first_seen"),
    a.last_seen_ns = time_of(o, "last_seen");
    a.alerts = static_cast<uint64_t>(number_of(o, "alerts")),
    a.missing = static_cast<uint64_t>(number_of(o, "missing"));
    if (const auto* tags = o.if_contains("tags"); tags && tags->is_array())
        for (const auto& t : tags->get_array())
            if (t.is_string()) a.tags.emplace_back(t.get_string());
    if (const auto* platform = o.if_contains("platform"); platform && platform->is_object())
        for (const auto& p : platform->get_object())
            if (p.value().is_string()) a.platform.emplace_back(p.key(), p.value().get_string());
    if (const auto* counters = o.if_contains("counters"); counters && counters->is_object())
        for (const auto& p : counters->get_object())
            if (p.value().is_number()) a.counters[p.key()] = p.value().to_number<uint64_t>();
    return a;
}

}  // namespace

Agents::Agents(std::unique_ptr<AgentStore> store) : store_(std::move(store)) { learn(store_->load()); }

Result<std::unique_ptr<Agents>> Agents::open(const std::string& directory) try {
    auto store = open_sqlite_agents(directory);
    if (!store) return Error{store.error()};
    return std::make_unique<Agents>(std::move(*store));
} catch (const std::exception& e) {
    return Error{std::string("The list of agents cannot be read: ") + e.what() + "."};
}

void Agents::learn(std::vector<AgentRow> rows) {
    std::lock_guard lock(mutex_);
    for (const AgentRow& row : rows) {
        boost::system::error_code error;
        const auto value = json::parse(row.about, error);
        if (error || !value.is_object()) continue;
        const auto known = agents_.find(row.id);
        if (known == agents_.end() && agents_.size() >= kMost) continue;
        const bool ours = known != agents_.end() && (connections_.contains(row.id) || changed_.contains(row.id));
        if (!ours) {
            AgentRecord record = parsed(value.get_object());
            // Another collector's; alone, nobody is connected when this is read.
            const auto* connected = value.get_object().if_contains("connected");
            record.connected = row.totals && connected && connected->is_bool() && connected->get_bool();
            if (known == agents_.end() || record.last_seen_ns >= known->second.last_seen_ns) agents_[row.id] = std::move(record);
        }
        if (!row.totals) continue;
        AgentRecord& a = agents_[row.id];
        a.alerts = row.totals->alerts;
        a.missing = static_cast<uint64_t>(std::max<int64_t>(row.totals->missing, 0));
    }
}

// Of an agent of another collector that may have ended without a word.
AgentRecord Agents::as_seen(const std::pair<const std::string, AgentRecord>& known) const {
    AgentRecord a = known.second;
    a.connected = a.connected && (connections_.contains(known.first) || now_ns() - a.last_seen_ns < kSilent);
    return a;
}

bool Agents::hello(const std::string& id, const remote::Hello& hello, const std::string& address, const std::string& via, const std::string& key) {
    std::lock_guard lock(mutex_);
    if (!agents_.contains(id) && agents_.size() >= kMost) {
        make_room();
        if (agents_.size() >= kMost) return false;
    }
    AgentRecord& a = agents_[id];
    a.id = id;
    a.version = hello.version, a.hostname = hello.hostname, a.mode = hello.mode, a.rules_version = hello.rules_version;
    a.tags = hello.tags, a.platform = hello.platform, a.address = address;
    a.relay = hello.relay, a.via = via, a.key = key;
    a.started_ns = static_cast<int64_t>(hello.started_ns);
    a.last_seen_ns = now_ns();
    if (a.first_seen_ns == 0) a.first_seen_ns = a.last_seen_ns;
    changed_.insert(id);
    return true;
}

// Of the key that names the most that are away, so that who invents agents pushes out invented ones. A hundredth goes at once, so that
// this is seldom.
void Agents::make_room() {
    std::map<std::string, std::vector<std::pair<int64_t, std::string>>> away;  // by key
    for (const auto& [id, a] : agents_)
        if (!a.connected) away[a.key].emplace_back(a.last_seen_ns, id);
    const auto most = std::max_element(away.begin(), away.end(), [](const auto& x, const auto& y) { return x.second.size() < y.second.size(); });
    if (most == away.end()) return;
    auto& theirs = most->second;
    const auto some = std::min<std::ptrdiff_t>(kMost / 100, static_cast<std::ptrdiff_t>(theirs.size()));
    std::nth_element(theirs.begin(), theirs.begin() + some - 1, theirs.end());
    for (auto it = theirs.begin(); it != theirs.begin() + some; ++it) {
        changed_.insert(it->second);
        agents_.erase(it->second);
    }
}

void Agents::here(const std::string& id) {
    std::lock_guard lock(mutex_);
    ++connections_[id];
    if (const auto agent = agents_.find(id); agent != agents_.end()) agent->second.connected = true, changed_.insert(id);
}

void Agents::heartbeat(const std::string& id, const remote::Heartbeat& h) {
    std::lock_guard lock(mutex_);
    const auto it = agents_.find(id);
    if (it == agents_.end()) return;
    it->second.last_seen_ns = now_ns();
    // Mostly the same names as before: their nodes are kept, so that the heap of thousands of agents does not fall into pieces.
    auto& counters = it->second.counters;
    const std::map<std::string_view, uint64_t> said(h.counters.begin(), h.counters.end());
    std::erase_if(counters, [&](const auto& c) { return !said.contains(c.first); });
    for (const auto& [name, value] : h.counters) counters[name] = value;
    if (!h.rules_version.empty()) it->second.rules_version = h.rules_version;
    if (!h.mode.empty()) it->second.mode = h.mode;
    changed_.insert(id);
}

void Agents::rules_status(const std::string& id, const remote::RulesStatus& status) {
    std::lock_guard lock(mutex_);
    const auto it = agents_.find(id);
    if (it == agents_.end()) return;
    AgentRecord& a = it->second;
    a.rules_refused = status.applied ? "" : status.version;
    a.rules_message = status.applied ? "" : status.message;
    if (status.applied && !status.version.empty()) a.rules_version = status.version;
    changed_.insert(id);
}

void Agents::stored(const std::string& id, uint64_t alerts, int64_t missing) {
    std::lock_guard lock(mutex_);
    const auto it = agents_.find(id);
    if (it == agents_.end()) return;
    if (store_->shared() && !connections_.contains(id)) return;  // another's: the store has counted it
    it->second.alerts += alerts;
    // Below 0 where some came after all; never more than were missing, but for numbers of a lost list of agents.
    const int64_t now_missing = saturating_add(static_cast<int64_t>(it->second.missing), missing);
    it->second.missing = static_cast<uint64_t>(std::max<int64_t>(now_missing, 0));
    it->second.last_seen_ns = now_ns();
    changed_.insert(id);
}

void Agents::gone(const std::string& id) {
    std::lock_guard lock(mutex_);
    const auto it = connections_.find(id);
    if (it == connections_.end() || --it->second > 0) return;
    connections_.erase(it);
    if (const auto agent = agents_.find(id); agent != agents_.end()) agent->second.connected = false, changed_.insert(id);
}

std::vector<AgentRecord> Agents::all() const {
    std::vector<AgentRecord> out;
    {
        std::lock_guard lock(mutex_);
        for (const auto& pair : agents_) out.push_back(as_seen(pair));
    }
    std::stable_sort(out.begin(), out.end(),
                     [](const auto& a, const auto& b) { return a.last_seen_ns > b.last_seen_ns; });
    return out;
}

std::optional<AgentRecord> Agents::find(const std::string& id) const {
    std::lock_guard lock(mutex_);
    const auto it = agents_.find(id);
    return it == agents_.end() ? std::nullopt : std::optional(as_seen(*it));
}

size_t Agents::size() const {
    std::lock_guard lock(mutex_);
    return agents_.size();
}

size_t Agents::connected() const {
    std::lock_guard lock(mutex_);
    return connections_.size();
}

std::vector<AgentRow> Agents::take_changed(int64_t oldest_ns, std::set<std::string>& changed) {
    std::vector<AgentRecord> records;  // their texts are made without the lock
    {
        std::lock_guard lock(mutex_);
        changed.swap(changed_);
        std::erase_if(agents_, [&](const auto& p) {
            const bool old = p.second.last_seen_ns < oldest_ns && !connections_.contains(p.first);
            if (old) changed.insert(p.first);
            return old;
        });
        for (const std::string& id : changed) {
            const auto it = agents_.find(id);
            records.push_back(it == agents_.end() ? AgentRecord() : it->second);
        }
    }
    std::vector<AgentRow> rows;
    auto record = records.begin();
    for (const std::string& id : changed) {
        std::string text;
        if (!record->id.empty()) append_json(*record, text);
        rows.push_back({id, std::move(text), record->last_seen_ns, {}});
        ++record;
    }
    return rows;
}

void Agents::flush(int64_t oldest_ns) {
    std::set<std::string> changed;
    const std::vector<AgentRow> rows = take_changed(oldest_ns, changed);
    try {
        if (!rows.empty()) store_->save(rows);
    } catch (const std::exception&) {
        std::lock_guard lock(mutex_);  // the disk is full, for one: later
        changed_.merge(changed);
    }
    try {
        learn(store_->changed_by_others());
    } catch (const std::exception&) {
        // away just now: the next call has it
    }
}

}  // namespace undercoat::collector
