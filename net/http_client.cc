// The HTTP client, see client.h. One connection, one request at a time, driven to its end by each post().
#include "net/beast.h"
#include "net/client.h"
#include "net/tls.h"

namespace undercoat::net {

struct HttpClient::Impl {
    explicit Impl(Settings s) : settings(std::move(s)), context(ssl::context::tls_client) {}

    Settings settings;
    asio::io_context io{1};
    ssl::context context;
    std::optional<Plain> plain;
    std::optional<Secure> secure;
    bool answered = false;

    bool connected() const { return plain || secure; }
    Plain& bottom() { return secure ? secure->next_layer() : *plain; }
    void close() {
        if (connected()) {
            beast::error_code ignored;
            bottom().socket().close(ignored);
        }
        plain.reset();
        secure.reset();
    }

    asio::awaitable<void> connect() {
        limit_name_services();
        tcp::resolver resolver(io);
        const Url& url = settings.url;
        const auto found = co_await resolver.async_resolve(url.host, url.port, use_awaitable);
        if (url.tls) secure.emplace(io, context);
        else plain.emplace(io);
        bottom().expires_after(settings.timeout);
        beast::error_code error = asio::error::host_not_found;
        for (const auto& entry : found) {
            bottom().socket().close(error);
            co_await bottom().async_connect(asio::generic::stream_protocol::endpoint(entry.endpoint()),
                                            asio::redirect_error(use_awaitable, error));
            if (!error) break;
        }
        if (error) throw boost::system::system_error(error);
        if (!secure) co_return;
        if (!settings.tls.insecure) secure->set_verify_callback(ssl::host_name_verification(url.host));
        SSL_set_tlsext_host_name(secure->native_handle(), url.host.c_str());
        co_await secure->async_handshake(ssl::stream_base::client, use_awaitable);
    }

    template <class Stream>
    asio::awaitable<void> transfer(Stream& stream, http::request<http::string_body>& request, Answer& answer) {
        co_await http::async_write(stream, request, use_awaitable);
        beast::flat_buffer buffer;
        http::response_parser<http::string_body> response;
        response.body_limit(settings.most_answer);
        co_await http::async_read(stream, buffer, response, use_awaitable);
        answered = true;
        answer = {response.get().result_int(), std::move(response.get().body())};
        if (!response.get().keep_alive()) close();
    }

    asio::awaitable<void> exchange(std::string_view method, const std::string& body, std::string_view content_type, Answer& answer) {
        if (!connected()) co_await connect();
        http::request<http::string_body> request{http::verb::post, settings.url.target, 11};
        request.method_string(beast::string_view(method.data(), method.size()));
        request.set(http::field::host, settings.url.host_header);
        request.set(http::field::content_type, beast::string_view(content_type.data(), content_type.size()));
        for (const auto& [name, value] : settings.headers) request.set(name, value);
        request.keep_alive(settings.keep_alive);
        request.body() = body;
        request.prepare_payload();
        bottom().expires_after(settings.timeout);
        if (secure) co_await transfer(*secure, request, answer);
        else co_await transfer(*plain, request, answer);
    }

    Result<Answer> attempt(std::string_view method, const std::string& body, std::string_view content_type) {
        std::exception_ptr failure;
        Answer answer;
        answered = false;
        io.restart();
        asio::co_spawn(io, exchange(method, body, content_type, answer), [&](std::exception_ptr e) { failure = e; });
        io.run();
        try {
            if (failure) std::rethrow_exception(failure);
        } catch (const std::exception& e) {
            close();
            return Error{e.what()};
        }
        return answer;
    }
};

HttpClient::HttpClient(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
HttpClient::~HttpClient() = default;

Result<std::unique_ptr<HttpClient>> HttpClient::make(Settings settings) {
    // The image's openssl.cnf could load modules into us.
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
    auto impl = std::make_unique<Impl>(std::move(settings));
    if (impl->settings.url.tls)
        if (Status s = configure(impl->context, impl->settings.tls); !s) return Error{s.error()};
    return std::unique_ptr<HttpClient>(new HttpClient(std::move(impl)));
}

Result<unsigned> HttpClient::post(const std::string& body, std::string_view content_type) {
    auto answer = request("POST", body, content_type);
    if (!answer) return Error{answer.error()};
    return answer->status;
}

Result<HttpClient::Answer> HttpClient::request(std::string_view method, const std::string& body, std::string_view content_type) {
    const bool reused = impl_->connected();
    auto answer = impl_->attempt(method, body, content_type);
    // A kept connection may have been closed by the server meanwhile: that says nothing about the server.
    if (!answer && reused && !impl_->answered) answer = impl_->attempt(method, body, content_type);
    if (!impl_->settings.keep_alive) impl_->close();
    return answer;
}

void HttpClient::close() { impl_->close(); }

}  // namespace undercoat::net
