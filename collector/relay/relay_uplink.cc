// See relay_uplink.h.
#include "collector/relay/relay_uplink.h"

#include "collector/ingest/agents.h"

#include <csignal>

namespace undercoat::collector {
namespace {

using uplink::Clock;

constexpr size_t kMostInFlight = 4096;  // batches that are sent and not acknowledged
constexpr size_t kForgetAtOnce = 256;   // acknowledgements in one transaction
constexpr auto kLinger = std::chrono::seconds(2);
constexpr auto kTurn = std::chrono::milliseconds(200);

}  // namespace

Result<std::unique_ptr<RelayUplink>> RelayUplink::make(const uplink::Settings& settings, RelayIdentity me, RelaySpool& spool,
                                                       RelayPolicy& policy, uplink::Log log) {
    auto connection = uplink::Connection::make(settings, "alerts", std::move(log));
    if (!connection) return Error{connection.error()};
    try {
        return std::unique_ptr<RelayUplink>(new RelayUplink(std::move(me), spool, policy, std::move(*connection)));
    } catch (const SqliteError& e) {
        return Error{std::string("The spool cannot be read: ") + e.what() + "."};
    }
}

RelayUplink::RelayUplink(RelayIdentity me, RelaySpool& spool, RelayPolicy& policy, std::unique_ptr<uplink::Connection> connection)
    : me_(std::move(me)), spool_(spool), policy_(policy), connection_(std::move(connection)), started_ns_(now_ns()) {
    for (auto& [id, frame] : spool_.hellos()) agents_[id].hello = frame;
}

void RelayUplink::begin() {
    thread_ = std::thread([this] { run(); });
}

RelayUplink::~RelayUplink() {
    if (!thread_.joinable()) return;
    stop_ = true;
    connection_->wake();
    thread_.join();
}

bool RelayUplink::hello(const AgentLink& link, std::string_view frame) {
    std::lock_guard lock(mutex_);
    if (!agents_.contains(link.agent) && agents_.size() >= Agents::kMost) {
        // Batches of those that are away are taken without their words.
        std::erase_if(agents_, [](const auto& p) { return p.second.connections == 0; });
        if (agents_.size() >= Agents::kMost) return false;
    }
    AgentWords& a = agents_[link.agent];
    a.hello = frame;
    a.said_hello = false;
    unsaid_.insert(link.agent);
    spool_.keep_hello(link.agent, frame);
    connection_->wake();
    return true;
}

void RelayUplink::arrived(const std::string& agent) {
    std::lock_guard lock(mutex_);
    AgentWords& a = agents_[agent];
    ++a.connections;
    a.said_hello = false;  // after a Gone the collector wants to hear it again
    a.said_gone = true;
    unsaid_.insert(agent);
}

void RelayUplink::gone(const std::string& agent) {
    std::lock_guard lock(mutex_);
    const auto it = agents_.find(agent);
    if (it == agents_.end() || it->second.connections == 0 || --it->second.connections > 0) return;
    it->second.said_gone = false;
    unsaid_.insert(agent);
    connection_->wake();
}

void RelayUplink::heartbeat(const std::string& agent, std::string_view frame) {
    std::lock_guard lock(mutex_);
    AgentWords& a = agents_[agent];
    a.heartbeat = frame;
    a.said_heartbeat = false;
    unsaid_.insert(agent);
    connection_->wake();
}

void RelayUplink::rules_status(const std::string& agent, std::string_view frame) {
    std::lock_guard lock(mutex_);
    AgentWords& a = agents_[agent];
    a.status = frame;
    a.said_status = false;
    unsaid_.insert(agent);
    connection_->wake();
}

std::set<std::string> RelayUplink::present() const {
    std::lock_guard lock(mutex_);
    std::set<std::string> out;
    for (const auto& [id, a] : agents_)
        if (a.connections > 0) out.insert(id);
    return out;
}

void RelayUplink::forget_strangers() {
    spool_.forget_agents(present());
    std::lock_guard lock(mutex_);
    std::erase_if(agents_, [&](const auto& p) {
        return p.second.connections == 0 && p.second.said_gone && !unsaid_.contains(p.first) && !spool_.waits(p.first);
    });
}

void RelayUplink::run() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    Clock::time_point end = Clock::time_point::max();
    for (;;) {
        if (stop_) end = std::min(end, Clock::now() + kLinger);
        const bool idle = !connection_->welcomed() || (in_flight_count_ == 0 && spool_.counters().batches == acknowledged_.size());
        if (stop_ && (idle || Clock::now() >= end)) break;
        connection_->turn(*this, std::min(end, Clock::now() + (acknowledged_.empty() ? std::chrono::seconds(30) : kTurn)));
        forget_acknowledged(false);
    }
    forget_acknowledged(true);
    connection_->finish(Clock::now() + kTurn);
}

void RelayUplink::greet() {
    in_flight_.clear();
    in_flight_count_ = 0;
    held_.reset();
    forget_acknowledged(true);
    spool_.rewind();
    remote::Hello h;
    h.version = me_.version, h.hostname = me_.hostname, h.tags = me_.tags;
    h.started_ns = static_cast<uint64_t>(started_ns_);
    h.relay = true;
    connection_->send(remote::Up{me_.id, std::move(h)});
    std::lock_guard lock(mutex_);
    unsaid_.clear();
    for (auto& [id, a] : agents_) {
        // Those that are gone are named when a batch of theirs is sent.
        a.said_hello = a.said_heartbeat = a.said_status = false;
        a.said_gone = a.connections > 0;
        if (a.connections > 0) unsaid_.insert(id);
    }
}

// False: there is no room for all of it.
bool RelayUplink::say(const std::string& id, AgentWords& a) {
    const auto say_one = [&](const std::string& frame, bool& said) {
        if (said || frame.empty()) return true;
        return said = connection_->has_room() && connection_->send(frame);
    };
    if (!say_one(a.hello, a.said_hello) || !say_one(a.heartbeat, a.said_heartbeat) || !say_one(a.status, a.said_status)) return false;
    if (a.said_gone || a.connections > 0) return true;
    return a.said_gone = connection_->has_room() && connection_->send(remote::Up{id, remote::Gone{}});
}

void RelayUplink::say_all() {
    std::lock_guard lock(mutex_);
    while (!unsaid_.empty()) {
        const auto it = agents_.find(*unsaid_.begin());
        if (it != agents_.end() && !say(it->first, it->second)) return;
        unsaid_.erase(unsaid_.begin());
    }
}

void RelayUplink::send() {
    say_all();
    while (in_flight_count_ < kMostInFlight && connection_->has_room()) {
        if (!held_) held_ = spool_.next();
        if (!held_) return;
        {
            std::lock_guard lock(mutex_);
            AgentWords& a = agents_[held_->agent];
            if (!say(held_->agent, a)) return;
        }
        if (!connection_->send(std::move(held_->frame))) return;  // the connection is gone: greet() begins anew
        in_flight_[{held_->agent, held_->epoch, held_->stream}].push_back({held_->id, held_->last});
        ++in_flight_count_;
        held_.reset();
    }
}

void RelayUplink::beat() {
    remote::Heartbeat h;
    h.time_ns = static_cast<uint64_t>(now_ns());
    h.counters = me_.counters();
    const auto link = counters();
    h.counters.emplace_back("forward_connects", link.connects);
    h.counters.emplace_back("forward_connect_failures", link.failures);
    connection_->send(remote::Up{me_.id, std::move(h)});
}

void RelayUplink::receive(remote::Down&& down) {
    if (auto* rules = std::get_if<remote::Rules>(&down.what)) policy_.take(std::move(*rules));
    if (auto* order = std::get_if<remote::Policy>(&down.what)) policy_.enact(*order);
    const auto* ack = std::get_if<remote::Ack>(&down.what);
    if (!ack) return;
    const auto it = in_flight_.find({down.agent, ack->epoch, ack->stream});
    if (it == in_flight_.end()) return;
    auto& sent = it->second;
    for (; !sent.empty() && sent.front().last <= ack->number; sent.pop_front(), --in_flight_count_)
        acknowledged_.push_back(sent.front().id);
    if (sent.empty()) in_flight_.erase(it);
}

// Many at once: a transaction for each would cost more than the rest. What is not written down is sent again after a kill, and
// the collector knows it.
void RelayUplink::forget_acknowledged(bool at_once) {
    if (acknowledged_.empty() || (!at_once && acknowledged_.size() < kForgetAtOnce && in_flight_count_ > 0)) return;
    if (spool_.acknowledged(acknowledged_)) acknowledged_.clear();
}

}  // namespace undercoat::collector
