// Connecting, publishing, and who drains which part. See backbone.h; nats.c: https://nats-io.github.io/nats.c/
#include "collector/nats/backbone.h"

#include "collector/nats/drain.h"
#include "collector/nats/message.h"
#include "collector/nats/objects.h"

#include <csignal>
#include <map>

namespace undercoat::collector {
namespace {

using std::chrono::steady_clock;
using Log = std::function<void(const std::string&)>;

constexpr auto kStartPatience = std::chrono::seconds(30);
constexpr int64_t kAckPatience = 10'000;          // milliseconds until what is published must be acknowledged
constexpr int64_t kWritePatience = 5'000;         // milliseconds until the server must take what is written
constexpr int64_t kMostUnacknowledged = 4096;     // messages; publishing more waits
constexpr size_t kLeastPayload = 512 << 10;       // an alert fits into it, whatever it holds
constexpr size_t kHeaders = 1024;

// What threads of the library tell. They may do so after the connection was destroyed, so that they know of it by a number only.
struct Told {
    std::atomic<uint64_t> refused{0};  // of what was published
    std::atomic<bool> lost{false};     // the connection, since the last commit began
};
struct Listeners {
    std::mutex mutex;
    uintptr_t last = 0;
    std::map<uintptr_t, Told*> known;
};
Listeners& listeners() {
    static auto* const all = new Listeners;  // threads of the library may outlive main()
    return *all;
}

template <class Use>
void tell(void* number, Use use) {
    std::lock_guard lock(listeners().mutex);
    if (const auto it = listeners().known.find(reinterpret_cast<uintptr_t>(number)); it != listeners().known.end()) use(*it->second);
}

class Listener {
public:
    Listener() {
        std::lock_guard lock(listeners().mutex);
        listeners().known[number_ = ++listeners().last] = told_.get();
    }
    ~Listener() {
        std::lock_guard lock(listeners().mutex);
        listeners().known.erase(number_);
    }
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;
    void* number() const { return reinterpret_cast<void*>(number_); }
    Told* operator->() const { return told_.get(); }

private:
    const std::unique_ptr<Told> told_ = std::make_unique<Told>();
    uintptr_t number_ = 0;
};

class NatsBackbone : public Backbone {
public:
    NatsBackbone(const NatsSettings& settings, Log log) : settings_(settings), log_(std::move(log)) {
        connect();
        make_stream();
    }
    ~NatsBackbone() override {
        stop();
        context_.reset();
        connection_.reset();
    }

    Result<Stored> commit(const std::vector<Incoming>& incoming) override {
        Stored out;
        out.each.resize(incoming.size());
        told_->refused = 0, told_->lost = false;
        try {
            for (const Incoming& in : incoming) publish(in);
            const natsStatus s = wait_for_acknowledgements();
            if (s == NATS_OK && told_->refused == 0) return out;
            forget_pending();
            return Error{std::string("NATS does not take the alerts: ") + (s == NATS_OK ? "refused by the stream" : natsStatus_GetText(s)) + "."};
        } catch (const NatsError& e) {
            forget_pending();
            return Error{std::string("NATS does not take the alerts: ") + e.what() + "."};
        }
    }
    void tidy() override {}

    void drain(Committer& store, std::unique_ptr<Shares> shares, Writer::OnStored on_stored) override {
        shares_ = std::move(shares);
        tally_ = std::make_unique<DrainTally>(std::move(on_stored), log_);
        coordinator_ = std::thread([this, &store] { coordinate(store); });
    }

    void stop() override {
        {
            std::lock_guard lock(mutex_);
            stop_ = true;
        }
        changed_.notify_all();
        if (coordinator_.joinable()) coordinator_.join();
    }

    Counters counters() const override { return tally_ ? tally_->counters() : Counters{}; }

private:
    void connect() {
        natsOptions* made = nullptr;
        check(natsOptions_Create(&made), "options");
        const NatsOptions options(made);
        const bool several = settings_.url.find(',') != settings_.url.npos;
        check(several ? set_servers(made) : natsOptions_SetURL(made, settings_.url.c_str()), "the URL of NATS");
        natsOptions_SetName(made, "undercoat-collector");
        natsOptions_SetMaxReconnect(made, -1);
        natsOptions_SetReconnectWait(made, 250);
        natsOptions_SetReconnectJitter(made, 250, 250);
        natsOptions_SetTimeout(made, 5000);
        // Who writes holds the connection's lock: without this, a server that hangs would hold up whoever looks at the connection.
        check(natsOptions_SetWriteDeadline(made, kWritePatience), "the deadline of writing");
        natsOptions_SetPingInterval(made, 5000);
        natsOptions_SetMaxPingsOut(made, 2);
        if (!settings_.token.empty()) check(natsOptions_SetToken(made, settings_.token.c_str()), "the token");
        if (!settings_.credentials.empty())
            check(natsOptions_SetUserCredentialsFromFiles(made, settings_.credentials.c_str(), nullptr), "the credentials");
        // libnats looks at no scheme: whoever is on the way could take TLS out of the server's greeting.
        const bool tls = settings_.url.find("tls://") != settings_.url.npos;
        if (tls || !settings_.ca_file.empty()) check(natsOptions_SetSecure(made, true), "TLS");
        if (!settings_.ca_file.empty()) {
            check(natsOptions_LoadCATrustedCertificates(made, settings_.ca_file.c_str()), "the authority of NATS");
        }
        natsOptions_SetDisconnectedCB(made, [](natsConnection*, void* number) { tell(number, [](Told& t) { t.lost = true; }); }, told_.number());
        natsConnection* connection = nullptr;
        check(natsConnection_Connect(&connection, made), "NATS cannot be reached");
        connection_.reset(connection);
        jsOptions js;
        jsOptions_Init(&js);
        js.Wait = 5000;
        js.PublishAsync.MaxPending = kMostUnacknowledged;
        js.PublishAsync.StallWait = kAckPatience;
        js.PublishAsync.ErrHandlerClosure = told_.number();
        js.PublishAsync.ErrHandler = [](jsCtx*, jsPubAckErr*, void* number) { tell(number, [](Told& t) { ++t.refused; }); };
        jsCtx* context = nullptr;
        check(natsConnection_JetStream(&context, connection, &js), "JetStream");
        context_.reset(context);
    }

    // An acknowledgement does not outlive the connection on which it was waited for.
    natsStatus wait_for_acknowledgements() {
        const auto until = steady_clock::now() + std::chrono::milliseconds(kAckPatience);
        jsPubOptions options;
        jsPubOptions_Init(&options);
        options.MaxWait = 250;
        natsStatus s = NATS_TIMEOUT;
        while (s == NATS_TIMEOUT && !told_->lost && steady_clock::now() < until) s = js_PublishAsyncComplete(context_.get(), &options);
        return s;
    }

    natsStatus set_servers(natsOptions* options) const {
        std::vector<std::string> urls;
        for (size_t at = 0; at <= settings_.url.size();) {
            const size_t end = std::min(settings_.url.find(',', at), settings_.url.size());
            urls.push_back(settings_.url.substr(at, end - at));
            at = end + 1;
        }
        std::vector<const char*> pointers;
        for (const std::string& u : urls) pointers.push_back(u.c_str());
        return natsOptions_SetServers(options, pointers.data(), static_cast<int>(pointers.size()));
    }

    // One that is there is used as it is; only, it must keep what it takes.
    void make_stream() {
        const auto most = natsConnection_GetMaxPayload(connection_.get());
        if (most < static_cast<int64_t>(kLeastPayload)) throw std::runtime_error("NATS takes messages of " + std::to_string(most) + " bytes; its max_payload must be 512 KiB or more");
        most_ = std::min<size_t>(static_cast<size_t>(most) - kHeaders, remote::kMaxFrame);
        jsStreamInfo* info = nullptr;
        jsErrCode code{};
        natsStatus s = js_GetStreamInfo(&info, context_.get(), settings_.stream.c_str(), nullptr, &code);
        if (s == NATS_NOT_FOUND) {
            const std::string subject = settings_.stream + ".alerts.*";
            const char* subjects[] = {subject.c_str()};
            jsStreamConfig c;
            jsStreamConfig_Init(&c);
            c.Name = settings_.stream.c_str();
            c.Subjects = subjects, c.SubjectsLen = 1;
            c.Retention = js_WorkQueuePolicy, c.Storage = js_FileStorage, c.Discard = js_DiscardNew;
            c.Replicas = settings_.replicas;
            s = js_AddStream(&info, context_.get(), &c, nullptr, &code);
        }
        check(s, "the stream cannot be made");
        const bool kept = info->Config->Storage == js_FileStorage && info->Config->Discard == js_DiscardNew && !info->Config->NoAck;
        jsStreamInfo_Destroy(info);
        if (!kept) throw std::runtime_error("the stream '" + settings_.stream + "' must be in files, with discard=new and acknowledgements");
    }

    void publish(const Incoming& in) {
        if (in.alerts.empty()) return;
        auto messages = to_messages(codec_, in, most_);
        if (!messages) throw std::runtime_error(messages.error());
        const std::string subject = settings_.stream + ".alerts." + std::to_string(part_of(in.agent, kParts));
        for (const QueuedMessage& m : *messages) {
            natsMsg* message = nullptr;
            check(natsMsg_Create(&message, subject.c_str(), nullptr, m.frame.data(), static_cast<int>(m.frame.size())), "message");
            NatsMessage owner(message);
            if (!m.identity.empty()) check(natsMsgHeader_Set(message, kIdentityHeader, m.identity.c_str()), "header");
            message = owner.release();
            const natsStatus s = js_PublishMsgAsync(context_.get(), &message, nullptr);
            natsMsg_Destroy(message);  // null where it was taken
            check(s, "publishing");
        }
    }

    // They are brought again; what arrives twice is stored once.
    void forget_pending() {
        natsMsgList pending{};
        if (js_PublishAsyncGetPendingList(&pending, context_.get()) == NATS_OK) natsMsgList_Destroy(&pending);
    }

    void coordinate(Committer& store) {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, nullptr);
        std::map<int, std::unique_ptr<Drain>> drains;
        std::unique_lock lock(mutex_);
        while (!stop_) {
            lock.unlock();
            try {
                const std::set<int> mine = shares_->balance([&](int part) { drains.erase(part); });
                for (const int part : mine)
                    if (!drains.contains(part)) drains.emplace(part, std::make_unique<Drain>(context_.get(), settings_.stream, part, store, *tally_));
            } catch (const std::exception&) {
                drains.clear();  // the store is away, and says so itself
            }
            lock.lock();
            changed_.wait_for(lock, std::chrono::seconds(1), [this] { return stop_; });
        }
        lock.unlock();
        drains.clear();
        shares_.reset();
    }

    const NatsSettings settings_;
    const Log log_;
    const Listener told_;
    NatsConnection connection_;
    NatsContext context_;
    size_t most_ = 0;
    remote::Codec codec_;  // of commit()'s thread
    std::unique_ptr<Shares> shares_;
    std::unique_ptr<DrainTally> tally_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stop_ = false;
    std::thread coordinator_;
};

}  // namespace

Result<std::unique_ptr<Backbone>> open_nats_backbone(const NatsSettings& settings, Log log) {
    if (settings.stream.empty() || settings.stream.size() > 64 ||
        settings.stream.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != settings.stream.npos)
        return Error{"The stream is '" + settings.stream + "'; allowed are up to 64 letters, digits, _ and -."};
    const auto until = steady_clock::now() + kStartPatience;
    for (bool said = false;;) {
        try {
            return std::unique_ptr<Backbone>(std::make_unique<NatsBackbone>(settings, log));
        } catch (const NatsError& e) {
            if (steady_clock::now() > until) return Error{std::string("The backbone cannot be opened: ") + e.what() + "."};
            if (!std::exchange(said, true)) log(std::string(e.what()) + ". It is waited for.");
            std::this_thread::sleep_for(std::chrono::milliseconds(250));
        } catch (const std::exception& e) {
            return Error{std::string("The backbone cannot be opened: ") + e.what() + "."};
        }
    }
}

}  // namespace undercoat::collector
