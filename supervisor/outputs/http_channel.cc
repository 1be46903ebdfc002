// See http_channel.h. One connection, one request at a time, driven to its end by each deliver().
#include "supervisor/outputs/http_channel.h"

#include "supervisor/outputs/resolve.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include <optional>
#include <unistd.h>

namespace undercoat::outputs {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;
using asio::ip::tcp;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

struct Url {
    bool tls = false;
    std::string host, port, target;
    std::string host_header;
};

Result<Url> parse_url(const std::string& text) {
    Url u;
    u.tls = text.starts_with("https://");
    if (!u.tls && !text.starts_with("http://"))
        return Error{"The http output's url is '" + text + "'; it must begin with http:// or https://."};
    std::string_view rest = std::string_view(text).substr(u.tls ? 8 : 7);
    const size_t slash = rest.find('/');
    u.host_header = rest.substr(0, slash);
    u.target = slash == rest.npos ? "/" : std::string(rest.substr(slash));
    std::string_view authority = rest.substr(0, slash);
    const size_t bracket = authority.rfind(']');
    const size_t colon = authority.find(':', bracket == authority.npos ? 0 : bracket);
    u.host = authority.substr(0, colon);
    if (u.host.starts_with('[') && u.host.ends_with(']')) u.host = u.host.substr(1, u.host.size() - 2);
    u.port = colon == authority.npos ? (u.tls ? "443" : "80") : std::string(authority.substr(colon + 1));
    const bool number = !u.port.empty() && u.port.find_first_not_of("0123456789") == u.port.npos;
    if (u.host.empty() || !number || authority.find('@') != authority.npos)
        return Error{"The http output's url is '" + text + "'; it must be http[s]://HOST[:PORT][/PATH]."};
    return u;
}

// Where distributions keep the authorities that they trust; one is enough.
constexpr const char* kSystemBundles[] = {"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt",
                                          "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem"};

Status trust(ssl::context& context, const HttpSettings& s) {
    beast::error_code error;
    for (const std::string& file : {s.ca_cert, s.ca_bundle}) {
        if (file.empty()) continue;
        context.load_verify_file(file, error);
        if (error)
            return Error{"The http output's certificate authority " + file + " cannot be read: " + error.message() +
                         "."};
    }
    if (!s.ca_path.empty()) context.add_verify_path(s.ca_path, error);
    if (!s.ca_cert.empty() || !s.ca_bundle.empty()) return Unit{};
    if (const char* file = std::getenv("SSL_CERT_FILE"); file && *file) context.load_verify_file(file, error);
    for (const char* file : kSystemBundles)
        if (::access(file, R_OK) == 0) {
            context.load_verify_file(file, error);
            break;
        }
    return Unit{};
}

Status configure(ssl::context& context, const HttpSettings& s) {
    beast::error_code error;
    if (s.insecure) {
        context.set_verify_mode(ssl::verify_none, error);
    } else {
        context.set_verify_mode(ssl::verify_peer, error);
        if (Status trusted = trust(context, s); !trusted) return trusted;
    }
    if (!s.mtls) return Unit{};
    context.use_certificate_chain_file(s.client_cert, error);
    if (error)
        return Error{"The http output's client certificate " + s.client_cert + " cannot be read: " + error.message() +
                     "."};
    context.use_private_key_file(s.client_key, ssl::context::pem, error);
    if (error)
        return Error{"The http output's client key " + s.client_key + " cannot be read: " + error.message() + "."};
    return Unit{};
}

bool worth_another_try(unsigned status) { return status == 408 || status == 429 || status >= 500; }

class HttpChannel : public Channel {
public:
    HttpChannel(HttpSettings settings, Url url, bool json)
        : settings_(std::move(settings)), url_(std::move(url)), json_(json), context_(ssl::context::tls_client) {}

    Status prepare() {
        context_.set_options(ssl::context::default_workarounds | ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
        return url_.tls ? configure(context_, settings_) : Status(Unit{});
    }

    Delivery deliver(const Message& message) override {
        const bool reused = connected();
        Delivery d = attempt(message);
        // A kept connection may have been closed by the server meanwhile: that says nothing about the server.
        if (d.outcome == Delivery::Outcome::again && reused && !answered_) d = attempt(message);
        if (d.outcome == Delivery::Outcome::again || !settings_.keep_alive) close();
        return d;
    }
    void reopen() override { close(); }

private:
    bool connected() const { return plain_ || tls_; }
    beast::tcp_stream& lowest() { return tls_ ? tls_->next_layer() : *plain_; }
    void close() {
        if (connected()) {
            beast::error_code ignored;
            lowest().socket().close(ignored);
        }
        plain_.reset();
        tls_.reset();
    }

    Delivery attempt(const Message& message) {
        std::exception_ptr failure;
        unsigned status = 0;
        answered_ = false;
        io_.restart();
        asio::co_spawn(io_, exchange(message, status), [&](std::exception_ptr e) { failure = e; });
        io_.run();
        try {
            if (failure) std::rethrow_exception(failure);
        } catch (const std::exception& e) {
            close();
            return Delivery::again(settings_.url + ": " + e.what());
        }
        if (status >= 200 && status < 300) return Delivery::taken();
        const std::string why = settings_.url + " answered with status " + std::to_string(status);
        return worth_another_try(status) ? Delivery::again(why) : Delivery::refused(why);
    }

    asio::awaitable<void> exchange(const Message& message, unsigned& status) {
        if (!connected()) co_await connect();
        http::request<http::string_body> request{http::verb::post, url_.target, 11};
        request.set(http::field::host, url_.host_header);
        request.set(http::field::user_agent, settings_.user_agent);
        request.set(http::field::content_type, json_ ? "application/json" : "text/plain");
        request.keep_alive(settings_.keep_alive);
        request.body() = json_ ? message.json : message.text;
        request.prepare_payload();
        lowest().expires_after(settings_.timeout);
        if (tls_) co_await transfer(*tls_, request, status);
        else co_await transfer(*plain_, request, status);
    }

    template <class Stream>
    asio::awaitable<void> transfer(Stream& stream, http::request<http::string_body>& request, unsigned& status) {
        co_await http::async_write(stream, request, asio::use_awaitable);
        beast::flat_buffer buffer;
        http::response_parser<http::string_body> response;
        response.body_limit(64 * 1024);
        co_await http::async_read(stream, buffer, response, asio::use_awaitable);
        answered_ = true;
        status = response.get().result_int();
        if (!response.get().keep_alive()) close();
    }

    asio::awaitable<void> connect() {
        limit_name_services();
        tcp::resolver resolver(io_);
        const auto found = co_await resolver.async_resolve(url_.host, url_.port, asio::use_awaitable);
        if (!url_.tls) {
            plain_.emplace(io_);
            plain_->expires_after(settings_.timeout);
            co_await plain_->async_connect(found, asio::use_awaitable);
            co_return;
        }
        tls_.emplace(io_, context_);
        if (!settings_.insecure) tls_->set_verify_callback(ssl::host_name_verification(url_.host));
        SSL_set_tlsext_host_name(tls_->native_handle(), url_.host.c_str());
        tls_->next_layer().expires_after(settings_.timeout);
        co_await tls_->next_layer().async_connect(found, asio::use_awaitable);
        co_await tls_->async_handshake(ssl::stream_base::client, asio::use_awaitable);
    }

    const HttpSettings settings_;
    const Url url_;
    const bool json_;
    asio::io_context io_{1};
    ssl::context context_;
    std::optional<beast::tcp_stream> plain_;
    std::optional<TlsStream> tls_;
    bool answered_ = false;
};

}  // namespace

Result<std::unique_ptr<Channel>> make_http_channel(const HttpSettings& settings, bool json) {
    auto url = parse_url(settings.url);
    if (!url) return Error{url.error()};
    // The image's openssl.cnf could load modules into us.
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
    auto channel = std::make_unique<HttpChannel>(settings, std::move(*url), json);
    if (Status s = channel->prepare(); !s) return Error{s.error()};
    return std::unique_ptr<Channel>(std::move(channel));
}

}  // namespace undercoat::outputs
