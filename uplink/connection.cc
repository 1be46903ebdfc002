// See connection.h.
#include "uplink/connection.h"

namespace undercoat::uplink {
namespace {

constexpr auto kFirstPause = std::chrono::milliseconds(500), kLongestPause = std::chrono::milliseconds(30'000);
constexpr auto kPatience = std::chrono::seconds(20);  // for the welcome

}  // namespace

Result<std::unique_ptr<Connection>> Connection::make(const Settings& s, std::string what, Log log) {
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
        log(true, "the certificate of " + s.host + " is NOT checked (UNDERCOAT_INSECURE): anybody on the way can read and drop " + what);
    return std::unique_ptr<Connection>(new Connection(s, std::move(what), std::move(log), std::move(*client)));
}

Connection::Connection(const Settings& s, std::string what, Log log, std::unique_ptr<net::WebSocketClient> client)
    : host_(s.host), port_(s.port), what_(std::move(what)), log_(std::move(log)), client_(std::move(client)),
      backoff_(kFirstPause, kLongestPause, std::random_device{}()) {}

bool Connection::send(const remote::Up& message) {
    auto frame = codec_.encode(message);
    return frame && client_->send(std::move(*frame));
}

void Connection::turn(Speaker& speaker, Clock::time_point until) {
    if (!client_->is_open() && Clock::now() >= backoff_.next_try()) connect(speaker);
    if (client_->is_open() && welcomed_) {
        if (has_room()) speaker.send();
        if (Clock::now() >= next_beat_) {
            next_beat_ = Clock::now() + beat_every_;
            speaker.beat();
        }
    }
    until = std::min(until, !client_->is_open() ? backoff_.next_try() : welcomed_ ? next_beat_ : patience_);
    const auto pause = std::clamp(std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()),
                                  std::chrono::milliseconds(1), std::chrono::milliseconds(30'000));
    const auto happening = client_->poll(pause);
    using Kind = net::WebSocketClient::Happening::Kind;
    if (happening.kind == Kind::message) receive(speaker, happening.text);
    if (happening.kind == Kind::closed) lost(happening.text);
    if (client_->is_open() && !welcomed_ && Clock::now() >= patience_) {
        client_->close();
        lost("there is no answer");
    }
}

void Connection::connect(Speaker& speaker) {
    welcomed_ = false;
    if (Status s = client_->open(); !s) {
        backoff_.failed(Clock::now());
        ++failures_;
        // Once for each kind of trouble: a collector that is away for a day must not fill the log.
        if (s.error() != last_trouble_) log_(true, "cannot reach " + host_ + ":" + port_ + ": " + s.error() + "; it is tried again");
        last_trouble_ = s.error();
        return;
    }
    ++connects_;
    patience_ = Clock::now() + kPatience;
    speaker.greet();
}

void Connection::receive(Speaker& speaker, const std::string& frame) {
    auto down = codec_.decode_down(frame);
    if (!down) {
        client_->close();
        return lost("it does not speak the protocol: " + down.error());
    }
    if (const auto* welcome = std::get_if<remote::Welcome>(&down->what); welcome && !welcomed_) {
        welcomed_ = true;
        connected_ = true;
        backoff_.worked();
        beat_every_ = std::chrono::seconds(std::clamp<uint32_t>(welcome->heartbeat_seconds, 1, 3600));
        next_beat_ = Clock::now();
        log_(false, what_ + " are sent to " + host_ + " (" + client_->peer() + ")" + (last_trouble_.empty() ? "" : " again"));
        last_trouble_.clear();
        return;
    }
    speaker.receive(std::move(*down));
}

void Connection::lost(const std::string& why) {
    connected_ = false;
    welcomed_ = false;
    backoff_.failed(Clock::now());
    if (why != last_trouble_) log_(true, "the connection to " + host_ + " is gone: " + why + "; " + what_ + " wait");
    last_trouble_ = why;
}

void Connection::finish(Clock::time_point end) {
    while (client_->is_open() && client_->waiting() > 0 && Clock::now() < end) client_->poll(std::chrono::milliseconds(50));
    client_->close();
    connected_ = false;
}

}  // namespace undercoat::uplink
