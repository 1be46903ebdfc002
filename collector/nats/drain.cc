// See drain.h.
#include "collector/nats/drain.h"

#include "collector/json.h"
#include "collector/nats/message.h"
#include "collector/nats/objects.h"
#include "collector/store/progress.h"

#include <csignal>

namespace undercoat::collector {
namespace {

constexpr int kAtOnce = 64;  // messages in one commit
constexpr int64_t kMostBytes = 16 << 20;
constexpr size_t kMostDecoded = 8 << 20;  // as memory_of() counts
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kAckWait = 5 * kSecond;  // until what a collector that died had taken is given to others
constexpr int64_t kIdle = kSecond / 2;

}  // namespace

void DrainTally::stored(const std::vector<Incoming>& batches, Stored&& stored) {
    std::lock_guard lock(mutex_);
    Writer::Counters& c = counters_.stored;
    ++c.commits;
    c.duplicates += stored.duplicates;
    for (const auto& e : stored.each) c.alerts += e.stored, c.missing = saturating_add(c.missing, e.missing);
    if (std::exchange(failing_, false)) log_("Alerts are stored again.");
    on_stored_(batches, std::move(stored));
}

void DrainTally::failed(const std::string& why) {
    std::lock_guard lock(mutex_);
    ++counters_.stored.failures;
    if (!std::exchange(failing_, true)) log_(why + " It is tried again; they stay in the backbone meanwhile.");
}

void DrainTally::foreign(const std::string& why) {
    std::lock_guard lock(mutex_);
    if (counters_.foreign++ % 1000 == 0) log_("The backbone holds a message that is no batch of alerts; it is thrown away: " + harmless(why));
}

void DrainTally::unread(int part, const std::string& why) {
    std::lock_guard lock(mutex_);
    ++counters_.unread;
    if (unreadable_.empty()) log_("Part " + std::to_string(part) + " of the backbone cannot be read: " + harmless(why) + ". It is tried again.");
    unreadable_.insert(part);
}

void DrainTally::readable(int part) {
    std::lock_guard lock(mutex_);
    if (unreadable_.erase(part) > 0 && unreadable_.empty()) log_("The backbone is read again.");
}

Backbone::Counters DrainTally::counters() const {
    std::lock_guard lock(mutex_);
    Backbone::Counters c = counters_;
    c.readable = unreadable_.empty();
    return c;
}

struct Drain::Messages {
    std::vector<NatsMessage> taken;  // those before `from` are done
    size_t from = 0, to = 0;         // what `batches` are of; thrown away ones are null
    std::vector<Incoming> batches;
};

Drain::Drain(jsCtx* context, std::string stream, int part, Committer& store, DrainTally& tally)
    : context_(context), stream_(std::move(stream)), part_(part), store_(store), tally_(tally), thread_([this] { run(); }) {}

Drain::~Drain() {
    {
        std::lock_guard lock(mutex_);
        stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
    tally_.readable(part_);
}

bool Drain::wait(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, time, [this] { return stop_; });
}

void Drain::run() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    const std::string subject = stream_ + ".alerts." + std::to_string(part_), durable = "store-" + std::to_string(part_);
    while (wait(std::chrono::milliseconds(0))) {
        jsSubOptions o;
        jsSubOptions_Init(&o);
        o.Stream = stream_.c_str();
        o.Config.AckPolicy = js_AckExplicit;
        o.Config.AckWait = kAckWait;
        o.Config.MaxAckPending = 4 * kAtOnce;
        natsSubscription* made = nullptr;
        jsErrCode code{};
        try {
            check(js_PullSubscribe(&made, context_, subject.c_str(), durable.c_str(), nullptr, &o, &code), "subscribing");
            const NatsSubscription subscription(made);
            while (wait(std::chrono::milliseconds(0))) pass_on(made);
        } catch (const NatsError& e) {
            tally_.unread(part_, std::string(e.what()) + (code ? " (" + std::to_string(code) + ")" : ""));
        } catch (const std::exception& e) {
            tally_.unread(part_, e.what());
        }
        if (!wait(std::chrono::milliseconds(500))) return;
    }
}

// Waits for one message, then takes what is there beside it.
void Drain::pass_on(natsSubscription* from) {
    Messages messages;
    for (const bool first : {true, false}) {
        jsFetchRequest request;
        jsFetchRequest_Init(&request);
        request.Batch = first ? 1 : kAtOnce - 1;
        request.MaxBytes = first ? 0 : kMostBytes;
        request.NoWait = !first;
        request.Expires = kIdle;
        natsMsgList list{};
        const natsStatus s = natsSubscription_FetchRequest(&list, from, &request);
        if (s != NATS_OK && s != NATS_TIMEOUT && first) throw NatsError("fetching", s);
        tally_.readable(part_);
        for (int i = 0; s == NATS_OK && i < list.Count; ++i) messages.taken.emplace_back(std::exchange(list.Msgs[i], nullptr));
        natsMsgList_Destroy(&list);
        if (messages.taken.empty()) return;
    }
    while (messages.from < messages.taken.size()) {
        decode(messages);
        if (!messages.batches.empty() && !store(messages)) return;
        for (; messages.from < messages.to; ++messages.from)
            if (auto m = std::move(messages.taken[messages.from])) natsMsg_Ack(m.get(), nullptr);
    }
}

// As many as may be in memory at a time: a message becomes many times as large.
void Drain::decode(Messages& messages) {
    static thread_local remote::Codec codec;
    messages.batches.clear();
    messages.to = messages.from;
    for (size_t bytes = 0; messages.to < messages.taken.size() && bytes < kMostDecoded; ++messages.to) {
        NatsMessage& m = messages.taken[messages.to];
        const char* identity = nullptr;
        natsMsgHeader_Get(m.get(), kIdentityHeader, &identity);
        auto in = from_message(codec, {natsMsg_GetData(m.get()), static_cast<size_t>(natsMsg_GetDataLength(m.get()))}, identity ? identity : "");
        if (in) {
            bytes += memory_of(*in);
            messages.batches.push_back(std::move(*in));
            continue;
        }
        tally_.foreign(in.error());
        natsMsg_Term(m.get(), nullptr);
        m.reset();
    }
}

// False: it is the end.
bool Drain::store(Messages& messages) {
    for (;;) {
        auto stored = store_.commit(messages.batches);
        if (stored) {
            tally_.stored(messages.batches, std::move(*stored));
            return true;
        }
        tally_.failed(stored.error());
        for (const NatsMessage& m : messages.taken)
            if (m) natsMsg_InProgress(m.get(), nullptr);
        if (!wait(std::chrono::milliseconds(500))) return false;
    }
}

}  // namespace undercoat::collector
