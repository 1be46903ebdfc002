// The WebSocket client, see client.h. Two coroutines move messages while poll() runs the context.
#include "net/beast.h"
#include "net/client.h"
#include "net/tls.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <random>

namespace undercoat::net {
namespace {

using Stream = websocket::stream<Secure>;
using Clock = asio::steady_timer::clock_type;

std::string base64(const std::string& text) {
    std::string out(beast::detail::base64::encoded_size(text.size()), '\0');
    out.resize(beast::detail::base64::encode(out.data(), text.data(), text.size()));
    return out;
}

// What OpenSSL found wrong with the server's certificate is worth more than "certificate verify failed".
std::string handshake_error(Secure& stream, const beast::error_code& error) {
    const long verdict = ::SSL_get_verify_result(stream.native_handle());
    if (verdict != X509_V_OK)
        return std::string("the server's certificate is not trusted: ") + ::X509_verify_cert_error_string(verdict);
    return "TLS: " + error.message();
}

}  // namespace

struct WebSocketClient::Impl {
    explicit Impl(Settings s) : settings(std::move(s)), context(ssl::context::tls_client) {}

    struct Failed {
        std::string why;
    };

    Settings settings;
    std::shared_ptr<asio::io_context> io = std::make_shared<asio::io_context>(1);
    ssl::context context;
    std::shared_ptr<Stream> stream;  // while open
    std::string peer;
    std::deque<std::string> outgoing;
    std::deque<Happening> happened;
    size_t bytes = 0;
    bool writing = false;
    std::atomic<bool> woken{false};

    asio::awaitable<void> tunnel(Plain& plain) {
        const std::string target = settings.host + ":" + settings.port;
        http::request<http::empty_body> request{http::verb::connect, target, 11};
        request.set(http::field::host, target);
        if (!settings.proxy.user.empty())
            request.set(http::field::proxy_authorization, "Basic " + base64(settings.proxy.user + ":" + settings.proxy.password));
        co_await http::async_write(plain, request, use_awaitable);
        beast::flat_buffer buffer(16 * 1024);
        http::response_parser<http::empty_body> response;
        response.skip(true);  // there is no body behind the head of a CONNECT's answer
        co_await http::async_read_header(plain, buffer, response, use_awaitable);
        const unsigned status = response.get().result_int();
        if (status / 100 != 2) throw Failed{"the proxy answered with status " + std::to_string(status)};
    }

    asio::awaitable<void> shake_hands(Stream& ws) {
        Secure& tls = ws.next_layer();
        if (!settings.tls.insecure) tls.set_verify_callback(ssl::host_name_verification(settings.host));
        SSL_set_tlsext_host_name(tls.native_handle(), settings.host.c_str());
        beast::error_code error;
        co_await tls.async_handshake(ssl::stream_base::client, asio::redirect_error(use_awaitable, error));
        if (error) throw Failed{handshake_error(tls, error)};
        ws.set_option(websocket::stream_base::decorator([this](websocket::request_type& r) {
            if (!settings.subprotocol.empty()) r.set(http::field::sec_websocket_protocol, settings.subprotocol);
            for (const auto& [name, value] : settings.headers) r.set(name, value);
        }));
        websocket::response_type answer;
        co_await ws.async_handshake(answer, settings.host + ":" + settings.port, settings.target,
                                    asio::redirect_error(use_awaitable, error));
        if (!error) co_return;
        if (error == websocket::error::upgrade_declined) {
            const std::string text = answer.body();
            throw Failed{"the server refuses with status " + std::to_string(answer.result_int()) +
                         (text.empty() ? "" : ": " + text.substr(0, text.find('\n')).substr(0, 200))};
        }
        throw Failed{error.message()};
    }

    asio::awaitable<void> try_address(tcp::endpoint where) {
        auto ws = std::make_shared<Stream>(*io, context);
        Plain& plain = lowest(ws->next_layer());
        plain.expires_after(settings.timeout);
        co_await plain.async_connect(asio::generic::stream_protocol::endpoint(where), use_awaitable);
        if (!settings.proxy.host.empty()) co_await tunnel(plain);
        co_await shake_hands(*ws);
        plain.expires_never();
        ws->set_option(websocket::stream_base::timeout{settings.timeout, std::chrono::seconds(60), true});
        ws->read_message_max(settings.message_limit);
        ws->binary(true);
        stream = std::move(ws);
        peer = where.address().to_string() + ":" + std::to_string(where.port());
    }

    asio::awaitable<void> connect() {
        limit_name_services();
        const bool proxied = !settings.proxy.host.empty();
        tcp::resolver resolver(*io);
        const auto found = co_await resolver.async_resolve(proxied ? settings.proxy.host : settings.host,
                                                           proxied ? settings.proxy.port : settings.port, use_awaitable);
        std::vector<tcp::endpoint> all;
        for (const auto& entry : found) all.push_back(entry.endpoint());
        std::shuffle(all.begin(), all.end(), std::mt19937(std::random_device{}()));
        std::string why = "the name has no address";
        for (const auto& where : all) {
            try {
                co_await try_address(where);
                co_return;
            } catch (const Failed& f) {
                why = where.address().to_string() + ": " + f.why;
            } catch (const std::exception& e) {
                why = where.address().to_string() + ": " + e.what();
            }
        }
        throw Failed{why};
    }

    void lost(const std::shared_ptr<Stream>& which, const std::string& why) {
        if (stream != which) return;
        happened.push_back({Happening::Kind::closed, why});
        drop();
    }
    void drop() {
        if (stream) {
            beast::error_code ignored;
            lowest(stream->next_layer()).socket().close(ignored);
        }
        stream.reset();
        outgoing.clear();
        bytes = 0;
        writing = false;
    }

    asio::awaitable<void> read(std::shared_ptr<Stream> from) {
        beast::flat_buffer buffer(settings.message_limit);
        beast::error_code error;
        for (;;) {
            co_await from->async_read(buffer, asio::redirect_error(use_awaitable, error));
            if (error) break;
            if (stream != from) co_return;
            const auto data = buffer.cdata();
            happened.push_back({Happening::Kind::message, {static_cast<const char*>(data.data()), data.size()}});
            buffer.clear();
        }
        std::string why = error == websocket::error::closed
                              ? "closed by the server: " + std::string(from->reason().reason.c_str())
                              : error.message();
        lost(from, why);
    }

    asio::awaitable<void> write(std::shared_ptr<Stream> to) {
        while (stream == to && !outgoing.empty()) {
            const std::string message = std::move(outgoing.front());
            outgoing.pop_front();
            beast::error_code error;
            co_await to->async_write(asio::buffer(message), asio::redirect_error(use_awaitable, error));
            if (stream != to) co_return;
            bytes -= message.size();
            if (error) {
                lost(to, error.message());
                co_return;
            }
        }
        if (stream == to) writing = false;
    }
};

WebSocketClient::WebSocketClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WebSocketClient::~WebSocketClient() { impl_->drop(); }

Result<std::unique_ptr<WebSocketClient>> WebSocketClient::make(Settings settings) {
    // The image's openssl.cnf could load modules into us.
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
    auto impl = std::make_unique<Impl>(std::move(settings));
    if (Status s = configure(impl->context, impl->settings.tls); !s) return Error{s.error()};
    return std::unique_ptr<WebSocketClient>(new WebSocketClient(std::move(impl)));
}

Status WebSocketClient::open() {
    Impl& i = *impl_;
    i.drop();
    i.happened.clear();
    std::optional<std::string> failure = "it takes too long";
    asio::co_spawn(*i.io, i.connect(), [&](std::exception_ptr e) {
        failure.reset();
        try {
            if (e) std::rethrow_exception(e);
        } catch (const Impl::Failed& f) {
            failure = f.why;
        } catch (const std::exception& x) {
            failure = x.what();
        }
        i.io->stop();
    });
    i.io->restart();
    i.io->run();
    if (failure) return Error{*failure};
    asio::co_spawn(*i.io, i.read(i.stream), asio::detached);
    return Unit{};
}

bool WebSocketClient::is_open() const { return impl_->stream != nullptr; }
const std::string& WebSocketClient::peer() const { return impl_->peer; }
size_t WebSocketClient::waiting() const { return impl_->bytes; }

bool WebSocketClient::send(std::string message) {
    Impl& i = *impl_;
    if (!i.stream || i.bytes + message.size() > i.settings.send_limit) return false;
    i.bytes += message.size();
    i.outgoing.push_back(std::move(message));
    if (!std::exchange(i.writing, true)) asio::co_spawn(*i.io, i.write(i.stream), asio::detached);
    return true;
}

void WebSocketClient::close() {
    Impl& i = *impl_;
    if (!i.stream) return;
    // A close frame, if it can be sent at once.
    const auto stream = i.stream;
    lowest(stream->next_layer()).expires_after(std::chrono::milliseconds(500));
    asio::co_spawn(*i.io, [stream]() -> asio::awaitable<void> {
        beast::error_code ignored;
        co_await stream->async_close(websocket::close_code::normal, asio::redirect_error(use_awaitable, ignored));
    }, [&i](std::exception_ptr) { i.io->stop(); });
    i.io->restart();
    i.io->run_for(std::chrono::milliseconds(500));
    i.drop();
    i.happened.clear();
}

WebSocketClient::Happening WebSocketClient::poll(std::chrono::milliseconds timeout) {
    Impl& i = *impl_;
    const auto end = Clock::now() + timeout;
    asio::steady_timer timer(*i.io, end);
    timer.async_wait([](const beast::error_code&) {});
    i.io->restart();
    for (;;) {
        if (!i.happened.empty()) {
            Happening h = std::move(i.happened.front());
            i.happened.pop_front();
            return h;
        }
        if (i.woken.exchange(false)) return {Happening::Kind::woken, ""};
        if (Clock::now() >= end) return {Happening::Kind::timeout, ""};
        i.io->run_one();
    }
}

void WebSocketClient::wake() {
    if (!impl_->woken.exchange(true)) asio::post(*impl_->io, [] {});
}

}  // namespace undercoat::net
