// See hub.h.
#include "collector/live/hub.h"

#include "collector/json.h"
#include "collector/query/words.h"

#include <boost/json.hpp>
#include <csignal>

namespace undercoat::collector {
namespace {

constexpr size_t kMaxQueue = 64;         // commits
constexpr size_t kMaxQueued = 32 << 20;  // bytes of them
constexpr size_t kMaxAtOnce = 200;       // alerts in one message
constexpr size_t kMaxWaiting = 1 << 20;  // bytes for one watcher
constexpr size_t kMaxWatchers = 200;
constexpr size_t kMaxWords = 32;
constexpr auto kLook = std::chrono::seconds(1);  // whether watchers still may
constexpr uint16_t kNotAllowed = 1008;

void send(net::Socket& socket, std::string text) {
    socket.send(std::make_shared<const std::string>(std::move(text)), false);
}

std::string text_of(const boost::json::object& o, const char* name) {
    const auto* v = o.if_contains(name);
    return v && v->is_string() ? std::string(v->get_string()) : "";
}

size_t memory_of(const std::vector<AlertRecord>& alerts) {
    size_t bytes = 0;
    for (const AlertRecord& a : alerts)
        bytes += sizeof a + a.rule.size() + a.source.size() + a.hostname.size() + a.agent.size() + a.message.size() + a.tags.size() +
                 a.fields.size() + a.context.size();
    return bytes;
}

}  // namespace

// What a watcher wants to see, in his words.
struct Asked {
    std::string condition, priority, words;
};

// The same, ready for use.
struct Wanted {
    std::shared_ptr<const Filter> filter;
    std::vector<Word> words;
    unsigned least_severity = 7;
};

struct LiveHub::Watcher {
    std::shared_ptr<net::Socket> socket;
    std::function<bool()> may_watch;
    std::atomic<uint64_t> skipped{0};
    std::mutex mutex;                      // of the next two, held for moments only
    std::shared_ptr<const Wanted> wanted;  // null: nothing just now
    Asked asked;                           // of who is in asking_; nothing more is read of him meanwhile

    // The hub's thread.
    bool still_may() const;
    void answer();  // compiles what was asked
    void complain(std::string_view why, size_t offset);
    // The hub's thread only.
    std::shared_ptr<const Wanted> at_work;
    std::unique_ptr<FilterRun> run;
};

class LiveHub::Handler : public net::SocketHandler {
public:
    Handler(LiveHub& hub, std::shared_ptr<Watcher> watcher) : hub_(hub), watcher_(std::move(watcher)) {}
    ~Handler() override {
        std::lock_guard lock(hub_.mutex_);
        std::erase(hub_.watchers_, watcher_);
    }

    bool on_message(std::string_view message, bool) override {
        boost::system::error_code error;
        const auto value = message.size() > 16 * 1024 ? boost::json::value()
                                                      : boost::json::parse({message.data(), message.size()}, error);
        if (error || !value.is_object()) return watcher_->complain("the message is no JSON object", 0), true;
        const auto& o = value.get_object();
        const std::string type = text_of(o, "type");
        if (type == "pause") {
            std::lock_guard lock(watcher_->mutex);
            watcher_->wanted = nullptr;
            return true;
        }
        if (type != "subscribe") return watcher_->complain("the type is neither subscribe nor pause", 0), true;
        {
            std::lock_guard lock(watcher_->mutex);
            watcher_->asked = {text_of(o, "filter"), text_of(o, "priority"), text_of(o, "q")};
        }
        std::lock_guard lock(hub_.mutex_);
        hub_.asking_.push_back(watcher_);
        hub_.changed_.notify_one();
        return false;
    }

private:
    LiveHub& hub_;
    std::shared_ptr<Watcher> watcher_;
};

void LiveHub::Watcher::complain(std::string_view why, size_t offset) {
    std::string out = "{\"type\":\"error\",\"error\":";
    append_quoted(why, out);
    send(*socket, out + ",\"offset\":" + std::to_string(offset) + "}");
}

void LiveHub::Watcher::answer() try {
    Asked a;
    {
        std::lock_guard lock(mutex);
        a = std::move(asked);
    }
    auto next = std::make_shared<Wanted>();
    if (a.condition.find_first_not_of(" \t\n") != a.condition.npos) {
        auto compiled = Filter::compile(a.condition);
        if (const auto* e = std::get_if<FilterError>(&compiled)) return complain(e->message, e->offset);
        next->filter = std::get<0>(compiled);
    }
    if (!a.priority.empty() && !parse_priority(a.priority, next->least_severity)) return complain("there is no such priority", 0);
    next->words = words_of(a.words, kMaxWords);
    {
        std::lock_guard lock(mutex);
        wanted = std::move(next);
    }
    send(*socket, "{\"type\":\"subscribed\"}");
} catch (const std::exception&) {
    complain("the filter cannot be used", 0);
}

LiveHub::LiveHub() : thread_([this] { run(); }) {}

LiveHub::~LiveHub() {
    {
        std::lock_guard lock(mutex_);
        stop_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

size_t LiveHub::watchers() const {
    std::lock_guard lock(mutex_);
    return watchers_.size();
}

void LiveHub::publish(std::shared_ptr<const std::vector<AlertRecord>> alerts) {
    std::lock_guard lock(mutex_);
    if (watchers_.empty()) return;
    const size_t bytes = memory_of(*alerts);
    if (queue_.size() >= kMaxQueue || queued_ + bytes > kMaxQueued) {
        skipped_ += alerts->size();
        for (const auto& w : watchers_) w->skipped += alerts->size();
        return;
    }
    queued_ += bytes;
    queue_.push_back(std::move(alerts));
    changed_.notify_one();
}

std::unique_ptr<net::SocketHandler> LiveHub::watch(std::shared_ptr<net::Socket> socket, std::function<bool()> may_watch) {
    auto watcher = std::make_shared<Watcher>();
    watcher->socket = std::move(socket);
    watcher->may_watch = std::move(may_watch);
    {
        std::lock_guard lock(mutex_);
        if (watchers_.size() < kMaxWatchers) watchers_.push_back(watcher), changed_.notify_one();
        else watcher->socket->close(1013, "too many watch already");
    }
    return std::make_unique<Handler>(*this, std::move(watcher));
}

void LiveHub::show(Watcher& w, const std::vector<AlertRecord>& alerts) {
    std::shared_ptr<const Wanted> wanted;
    {
        std::lock_guard lock(w.mutex);
        wanted = w.wanted;
    }
    if (!wanted) return;
    if (w.at_work != wanted) {
        w.run = wanted->filter ? std::make_unique<FilterRun>(wanted->filter) : nullptr;
        w.at_work = wanted;
    }
    std::string text = "{\"type\":\"alerts\",\"alerts\":[";
    size_t count = 0;
    uint64_t left_out = 0;
    const bool full = w.socket->waiting() > kMaxWaiting;
    for (const AlertRecord& a : alerts) {
        if (a.severity > wanted->least_severity || (w.run && !w.run->matches(a)) || !has_words(a, wanted->words)) continue;
        if (full || count >= kMaxAtOnce) {
            ++left_out;
            continue;
        }
        if (count++) text += ',';
        append_json(a, text);
    }
    skipped_ += left_out;
    w.skipped += left_out;
    if (full || (count == 0 && w.skipped == 0)) return;
    send(*w.socket, text + "],\"skipped\":" + std::to_string(w.skipped.exchange(0)) + "}");
}

// What the accounts throw is no answer: it is asked again a second later.
bool LiveHub::Watcher::still_may() const try {
    return may_watch();
} catch (const std::exception&) {
    return true;
}

void LiveHub::end_those_who_may_not(const Watchers& watchers) {
    for (const auto& w : watchers) {
        if (w->still_may()) continue;
        {
            std::lock_guard lock(w->mutex);
            w->wanted = nullptr;
        }
        w->socket->close(kNotAllowed, "the session or the key has ended");
    }
}

void LiveHub::run() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    auto next_look = std::chrono::steady_clock::now();
    std::unique_lock lock(mutex_);
    for (;;) {
        if (watchers_.empty()) changed_.wait(lock, [this] { return work_waits() || !watchers_.empty(); });
        else changed_.wait_until(lock, next_look, [this] { return work_waits(); });
        if (stop_) return;
        std::shared_ptr<const std::vector<AlertRecord>> alerts;
        if (!queue_.empty()) {
            alerts = std::move(queue_.front());
            queue_.pop_front();
            queued_ -= memory_of(*alerts);
        }
        const auto asking = std::exchange(asking_, {});
        const auto watchers = watchers_;
        lock.unlock();
        if (std::chrono::steady_clock::now() >= next_look) {
            end_those_who_may_not(watchers);
            next_look = std::chrono::steady_clock::now() + kLook;
        }
        for (const auto& w : asking) w->answer(), w->socket->resume();
        for (const auto& w : watchers)
            if (alerts) show(*w, *alerts);
        lock.lock();
    }
}

}  // namespace undercoat::collector
