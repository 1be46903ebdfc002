// See forwarder.h.
#include "supervisor/forward/forwarder.h"

#include "uplink/identity.h"

#include <csignal>
#include <ctime>
#include <random>

namespace undercoat::forward {
namespace {

using uplink::Clock;

constexpr size_t kMaxIntake = 4 << 20;   // bytes between the engine and the spool
constexpr size_t kBatch = 128 << 10;     // bytes of alerts in one batch
constexpr auto kLastWords = std::chrono::milliseconds(500);

uint64_t random_number() {
    std::random_device device;
    return uint64_t{device()} << 32 | device();
}

uint64_t wall_clock() {
    timespec t{};
    ::clock_gettime(CLOCK_REALTIME, &t);
    return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(t.tv_nsec);
}

void block_signals() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

Result<std::unique_ptr<Forwarder>> Forwarder::start(const outputs::CollectorSettings& s, Identity identity, Log log) {
    auto connection = uplink::Connection::make(s, "alerts", log);
    if (!connection) return Error{connection.error()};
    return std::unique_ptr<Forwarder>(new Forwarder(s, std::move(identity), std::move(log), std::move(*connection)));
}

Forwarder::Forwarder(const outputs::CollectorSettings& settings, Identity identity, Log log,
                     std::unique_ptr<uplink::Connection> connection)
    : settings_(settings),
      identity_(std::move(identity)),
      log_(std::move(log)),
      started_ns_(wall_clock()),
      connection_(std::move(connection)) {
    directory_ = settings_.spool == "memory" ? "" : choose_directory(settings_.spool, lock_);
    agent_ = settings_.agent_id.empty() ? uplink::agent_id(directory_) : settings_.agent_id;
    const SpoolLimits limits = directory_.empty() ? SpoolLimits{settings_.memory_bytes, 64 << 10, settings_.memory_bytes}
                                                  : SpoolLimits{settings_.spool_bytes, 256 << 10, std::min(settings_.memory_bytes, kMaxIntake)};
    if (!directory_.empty() && !identity_.resumed) adopt_siblings(directory_);
    if (directory_.empty() && settings_.spool != "memory")
        log_(!settings_.spool.empty(),
             "no spool can be written: alerts wait in memory, up to " + std::to_string(limits.bytes >> 20) + " MiB");
    spool_ = std::make_unique<Spool>(directory_, limits, random_number());
    publish();
    keeper_ = std::thread([this] { keep(); });
}

Forwarder::~Forwarder() {
    {
        std::lock_guard lock(intake_mutex_);
        stop_ = true;
    }
    arrived_.notify_all();
    keeper_.join();
    connection_->wake();
    if (talker_.joinable()) talker_.join();
    std::lock_guard lock(spool_mutex_);
    if (const uint64_t left = spool_->counters().waiting; left > 0)
        log_(true, std::to_string(left) + " alerts could not be sent to " + settings_.host + "; they are " +
                       (directory_.empty() ? "lost" : "kept in " + directory_));
    spool_.reset();
}

void Forwarder::take(const outputs::TappedAlert& a) {
    ++taken_;
    const size_t size = a.message.size() + a.fields.size() + a.context.size() + 256;
    Taken t;
    t.key = a.key;
    t.alert.time_ns = a.ts, t.alert.severity = a.severity;
    t.alert.rule = a.rule, t.alert.source = a.source, t.alert.hostname = a.hostname, t.alert.message = a.message;
    t.alert.tags.assign(a.tags.begin(), a.tags.end());
    t.alert.fields = a.fields, t.alert.context = a.context;
    std::unique_lock lock(intake_mutex_);
    if (intake_bytes_ + size > kMaxIntake) {
        ++overflow_;
        ++dropped_;  // it counts as safe only behind those before it
        return;
    }
    intake_bytes_ += size;
    intake_.push_back(std::move(t));
    lock.unlock();
    arrived_.notify_one();
}

void Forwarder::tell(Counts counters, std::string rules_version) {
    std::lock_guard lock(told_mutex_);
    told_ = std::move(counters);
    rules_version_ = std::move(rules_version);
}

void Forwarder::begin(std::string rules_version) {
    {
        std::lock_guard lock(told_mutex_);
        rules_version_ = std::move(rules_version);
    }
    talker_ = std::thread([this] { talk(); });
}

outputs::AlertTap::Counts Forwarder::counters() const {
    static constexpr const char* kNames[] = {"emergency", "alert",  "critical",      "error",
                                             "warning",   "notice", "informational", "debug"};
    std::lock_guard lock(counts_mutex_);
    const Spool::Counters& c = counts_;
    const uplink::Connection::Counters link = connection_->counters();
    Counts out = {{"forward_acknowledged", c.acknowledged},
                  {"forward_waiting", c.waiting},
                  {"forward_spool_bytes", c.bytes},
                  {"forward_connects", link.connects},
                  {"forward_connect_failures", link.failures},
                  {"forward_connected", link.connected},
                  {"forward_drops_intake_full", overflow_},
                  {"forward_drops_damaged", c.damaged},
                  {"forward_spool_write_errors", c.write_errors}};
    for (unsigned i = 0; i < kStreams; ++i)
        if (c.dropped[i] > 0) out.emplace_back(std::string("forward_drops_spool_full_") + kNames[i], c.dropped[i]);
    return out;
}

void Forwarder::publish() {
    std::lock_guard lock(counts_mutex_);
    counts_ = spool_->counters();
}

void Forwarder::keep() {
    block_signals();
    std::vector<Taken> batch;
    for (;;) {
        uint64_t count = 0;
        {
            std::unique_lock lock(intake_mutex_);
            arrived_.wait(lock, [this] { return stop_ || !intake_.empty(); });
            if (intake_.empty()) break;
            batch.swap(intake_);
            intake_bytes_ = 0;
            count = batch.size() + std::exchange(dropped_, 0);
        }
        {
            std::lock_guard lock(spool_mutex_);
            for (Taken& t : batch) {
                if (identity_.resumed && t.key != 0 && spool_->known_keys().contains(t.key)) ++repeated_;
                else spool_->add(std::move(t.alert), t.key);
            }
            publish();
        }
        batch.clear();
        safe_ += count;
        connection_->wake();
    }
    kept_all_ = true;
}

bool Forwarder::finished(Clock::time_point now) {
    if (!kept_all_) return false;
    if (end_ == Clock::time_point{}) end_ = now + settings_.linger;
    if (now >= end_) return true;
    std::lock_guard lock(spool_mutex_);
    return spool_->counters().waiting == 0;
}

void Forwarder::talk() {
    block_signals();
    for (auto now = Clock::now(); !finished(now); now = Clock::now())
        connection_->turn(*this, kept_all_ ? end_ : Clock::time_point::max());
    if (connection_->welcomed()) beat();  // the last numbers
    connection_->finish(end_ + kLastWords);
}

void Forwarder::greet() {
    {
        std::lock_guard lock(spool_mutex_);
        spool_->rewind();
    }
    remote::Hello h;
    h.version = identity_.version, h.hostname = identity_.hostname, h.mode = identity_.mode;
    h.tags = settings_.tags;
    h.platform = identity_.platform;
    h.started_ns = started_ns_;
    {
        std::lock_guard lock(told_mutex_);
        h.rules_version = rules_version_;
    }
    connection_->send(remote::Up{agent_, std::move(h)});
    std::lock_guard lock(rules_mutex_);
    status_said_ = !status_;
}

void Forwarder::send() {
    say_status();
    while (connection_->has_room()) {
        std::optional<Chunk> chunk;
        {
            std::lock_guard lock(spool_mutex_);
            chunk = spool_->next(kBatch);
        }
        if (!chunk) return;
        auto frame = connection_->codec().encode_batch(agent_, chunk->epoch, chunk->stream, chunk->alerts);
        if (!frame) {  // cannot be: a batch is far below the limits
            log_(true, frame.error());
            std::lock_guard lock(spool_mutex_);
            spool_->abandon(*chunk);
            publish();
            return;
        }
        if (!connection_->send(std::move(*frame))) return;
    }
}

void Forwarder::beat() {
    remote::Heartbeat h;
    h.time_ns = wall_clock();
    h.mode = identity_.mode;
    {
        std::lock_guard lock(told_mutex_);
        h.counters = told_;
        h.rules_version = rules_version_;
    }
    for (auto& c : counters()) h.counters.push_back(std::move(c));
    if (h.counters.size() > remote::kMaxPairs) h.counters.resize(remote::kMaxPairs);
    connection_->send(remote::Up{agent_, std::move(h)});
}

void Forwarder::receive(remote::Down&& down) {
    if (const auto* ack = std::get_if<remote::Ack>(&down.what)) {
        std::lock_guard lock(spool_mutex_);
        spool_->acknowledged(ack->epoch, ack->stream, ack->number);
        publish();
    }
    if (auto* rules = std::get_if<remote::Rules>(&down.what)) take_rules(std::move(*rules));
}

}  // namespace undercoat::forward
