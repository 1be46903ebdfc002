// See forwarder.h.
#include "supervisor/forward/forwarder.h"

#include "supervisor/forward/backoff.h"
#include "wire/remote/codec.h"

#include <csignal>
#include <ctime>
#include <random>

namespace undercoat::forward {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMaxIntake = 4 << 20;   // bytes between the engine and the spool
constexpr size_t kBatch = 128 << 10;     // bytes of alerts in one batch
constexpr size_t kInFlight = 512 << 10;  // bytes handed to the connection and not written yet
constexpr auto kFirstPause = std::chrono::milliseconds(500), kLongestPause = std::chrono::milliseconds(30'000);
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

// One thread's; the spool's thread compresses nothing.
remote::Codec& codec() {
    static thread_local remote::Codec c;
    return c;
}

}  // namespace

Result<std::unique_ptr<Forwarder>> Forwarder::start(const outputs::CollectorSettings& s, Identity identity, Log log) {
    net::WebSocketClient::Settings c;
    c.host = s.host, c.port = s.port;
    c.target = remote::kPath;
    c.subprotocol = remote::kSubprotocol;
    c.tls.insecure = s.insecure;
    if (!s.ca_cert.empty()) c.tls.ca_files = {s.ca_cert};
    c.tls.certificate = s.client_cert, c.tls.key = s.client_key;
    c.tls.only_tls13 = true;
    c.proxy = {s.proxy_host, s.proxy_port, s.proxy_user, s.proxy_password};
    if (!s.access_key.empty()) c.headers.emplace_back("Authorization", "Bearer " + s.access_key);
    c.message_limit = remote::kMaxFrame;
    c.timeout = std::chrono::seconds(5);  // the end of a run may have to wait for it
    auto client = net::WebSocketClient::make(std::move(c));
    if (!client) return Error{client.error()};
    if (s.insecure)
        log(true,
            "the collector's certificate is NOT checked (UNDERCOAT_INSECURE): anybody on the way can read and drop "
            "alerts");
    return std::unique_ptr<Forwarder>(new Forwarder(s, std::move(identity), std::move(log), std::move(*client)));
}

Forwarder::Forwarder(const outputs::CollectorSettings& settings, Identity identity, Log log,
                     std::unique_ptr<net::WebSocketClient> client)
    : settings_(settings),
      identity_(std::move(identity)),
      log_(std::move(log)),
      started_ns_(wall_clock()),
      client_(std::move(client)),
      backoff_(std::make_unique<Backoff>(kFirstPause, kLongestPause, std::random_device{}())) {
    directory_ = settings_.spool == "memory" ? "" : choose_directory(settings_.spool, lock_);
    agent_ = settings_.agent_id.empty() ? agent_id(directory_) : settings_.agent_id;
    const SpoolLimits limits = directory_.empty() ? SpoolLimits{settings_.memory_bytes, 64 << 10}
                                                  : SpoolLimits{settings_.spool_bytes, 256 << 10};
    if (directory_.empty() && settings_.spool != "memory")
        log_(!settings_.spool.empty(),
             "no spool can be written: alerts wait in memory, up to " + std::to_string(limits.bytes >> 20) + " MiB");
    spool_ = std::make_unique<Spool>(directory_, limits, random_number());
    publish();
    keeper_ = std::thread([this] { keep(); });
    talker_ = std::thread([this] { talk(); });
}

Forwarder::~Forwarder() {
    {
        std::lock_guard lock(intake_mutex_);
        stop_ = true;
    }
    arrived_.notify_all();
    keeper_.join();
    client_->wake();
    talker_.join();
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
        ++safe_;
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

outputs::AlertTap::Counts Forwarder::counters() const {
    static constexpr const char* kNames[] = {"emergency", "alert",  "critical",      "error",
                                             "warning",   "notice", "informational", "debug"};
    std::lock_guard lock(counts_mutex_);
    const Spool::Counters& c = counts_;
    Counts out = {{"forward_acknowledged", c.acknowledged},
                  {"forward_waiting", c.waiting},
                  {"forward_spool_bytes", c.bytes},
                  {"forward_connects", connects_},
                  {"forward_connect_failures", failures_},
                  {"forward_connected", connected_ ? 1 : 0},
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
        {
            std::unique_lock lock(intake_mutex_);
            arrived_.wait(lock, [this] { return stop_ || !intake_.empty(); });
            if (intake_.empty()) break;
            batch.swap(intake_);
            intake_bytes_ = 0;
        }
        const size_t count = batch.size();
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
        client_->wake();
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
    for (;;) {
        const auto now = Clock::now();
        if (finished(now)) break;
        if (!client_->is_open() && now >= backoff_->next_try()) connect(now);
        if (client_->is_open() && welcomed_) {
            send_batches();
            if (Clock::now() >= next_beat_) beat();
        }
        auto until = client_->is_open() ? (welcomed_ ? next_beat_ : Clock::now() + std::chrono::seconds(10))
                                        : backoff_->next_try();
        if (kept_all_) until = std::min(until, end_);
        const auto pause = std::clamp(std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()),
                                      std::chrono::milliseconds(1), std::chrono::milliseconds(30'000));
        const auto happening = client_->poll(pause);
        using Kind = net::WebSocketClient::Happening::Kind;
        if (happening.kind == Kind::message) receive(happening.text);
        if (happening.kind == Kind::closed) lost(happening.text);
    }
    if (client_->is_open() && welcomed_) {  // the last numbers
        beat();
        while (client_->is_open() && client_->waiting() > 0 && Clock::now() < end_ + kLastWords)
            client_->poll(std::chrono::milliseconds(50));
    }
    client_->close();
}

void Forwarder::connect(Clock::time_point now) {
    welcomed_ = false;
    if (Status s = client_->open(); !s) {
        backoff_->failed(std::max(now, Clock::now()));
        ++failures_;
        // Once for each kind of trouble: a collector that is away for a day must not fill the log.
        if (s.error() != last_trouble_)
            log_(true,
                 "cannot reach " + settings_.host + ":" + settings_.port + ": " + s.error() + "; it is tried again");
        last_trouble_ = s.error();
        return;
    }
    ++connects_;
    {
        std::lock_guard lock(spool_mutex_);
        spool_->rewind();
    }
    greet();
}

void Forwarder::greet() {
    remote::Hello h;
    h.version = identity_.version, h.hostname = identity_.hostname, h.mode = identity_.mode;
    h.tags = settings_.tags;
    h.platform = identity_.platform;
    h.started_ns = started_ns_;
    {
        std::lock_guard lock(told_mutex_);
        h.rules_version = rules_version_;
    }
    if (auto frame = codec().encode(remote::Up{agent_, std::move(h)})) client_->send(std::move(*frame));
}

void Forwarder::send_batches() {
    while (client_->waiting() < kInFlight) {
        std::optional<Chunk> chunk;
        {
            std::lock_guard lock(spool_mutex_);
            chunk = spool_->next(kBatch);
        }
        if (!chunk) return;
        auto frame = codec().encode_batch(agent_, chunk->epoch, chunk->stream, chunk->alerts);
        if (!frame) {  // cannot be: a batch is far below the limits
            log_(true, frame.error());
            return;
        }
        if (!client_->send(std::move(*frame))) return;
    }
}

void Forwarder::beat() {
    next_beat_ = Clock::now() + beat_every_;
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
    if (auto frame = codec().encode(remote::Up{agent_, std::move(h)})) client_->send(std::move(*frame));
}

void Forwarder::receive(const std::string& frame) {
    auto down = codec().decode_down(frame);
    if (!down) {
        client_->close();
        return lost("the collector sent what is not the protocol");
    }
    if (const auto* welcome = std::get_if<remote::Welcome>(&down->what)) {
        welcomed_ = true;
        connected_ = true;
        backoff_->worked();
        beat_every_ = std::chrono::seconds(std::clamp<uint32_t>(welcome->heartbeat_seconds, 1, 3600));
        next_beat_ = Clock::now();
        log_(false, "alerts are sent to " + settings_.host + " (" + client_->peer() + ")" +
                        (last_trouble_.empty() ? "" : " again"));
        last_trouble_.clear();
    }
    if (const auto* ack = std::get_if<remote::Ack>(&down->what)) {
        std::lock_guard lock(spool_mutex_);
        spool_->acknowledged(ack->epoch, ack->stream, ack->number);
        publish();
    }
}

void Forwarder::lost(const std::string& why) {
    connected_ = false;
    welcomed_ = false;
    backoff_->failed(Clock::now());
    if (why != last_trouble_) log_(true, "the connection to " + settings_.host + " is gone: " + why + "; alerts wait");
    last_trouble_ = why;
}

}  // namespace undercoat::forward
