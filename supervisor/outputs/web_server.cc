// See web_server.h.
#include "supervisor/outputs/web_server.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include <csignal>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace undercoat::outputs {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::use_awaitable;

constexpr unsigned kMaxConnections = 32;
constexpr std::chrono::seconds kPatience{5};

}  // namespace

struct WebServer::Impl {
    WebSettings settings;
    WebContent content;
    asio::io_context io{1};
    unsigned connections = 0;
    uint16_t port = 0;
    std::string socket_file;
    std::thread thread;

    http::response<http::string_body> answer(const http::request<http::empty_body>& request) const {
        http::response<http::string_body> r{http::status::ok, request.version()};
        const auto give = [&](std::string_view type, std::string body) {
            r.set(http::field::content_type, beast::string_view(type.data(), type.size()));
            r.body() = std::move(body);
        };
        const std::string_view target(request.target().data(), request.target().size());
        const std::string_view path = target.substr(0, target.find('?'));
        if (request.method() != http::verb::get && request.method() != http::verb::head) {
            r.result(http::status::method_not_allowed);
        } else if (path == settings.healthz_path) {
            give("application/json", "{\"status\": \"ok\"}");
        } else if (path == "/versions") {
            give("application/json", content.versions());
        } else if (path == "/metrics" && settings.prometheus) {
            give("text/plain; version=0.0.4", content.metrics());
        } else {
            r.result(http::status::not_found);
        }
        r.prepare_payload();
        if (request.method() == http::verb::head) r.body().clear();
        r.keep_alive(false);
        return r;
    }

    template <class Protocol>
    asio::awaitable<void> serve(typename Protocol::socket socket) {
        beast::basic_stream<Protocol> stream(std::move(socket));
        stream.expires_after(kPatience);
        try {
            beast::flat_buffer buffer(8192);
            http::request_parser<http::empty_body> parser;
            parser.header_limit(4096);
            co_await http::async_read_header(stream, buffer, parser, use_awaitable);
            auto response = answer(parser.get());
            co_await http::async_write(stream, response, use_awaitable);
            beast::error_code ignored;
            stream.socket().shutdown(asio::socket_base::shutdown_send, ignored);
        } catch (const std::exception&) {
            // The client's trouble: it is gone, too slow, or speaks no HTTP.
        }
        --connections;
    }

    template <class Protocol>
    asio::awaitable<void> accept(typename Protocol::acceptor acceptor) {
        for (;;) {
            beast::error_code error;
            auto socket = co_await acceptor.async_accept(asio::redirect_error(use_awaitable, error));
            if (error == asio::error::operation_aborted) co_return;
            if (error) {  // no descriptor is free, for one
                asio::steady_timer pause(io, std::chrono::milliseconds(200));
                co_await pause.async_wait(asio::redirect_error(use_awaitable, error));
                continue;
            }
            if (connections >= kMaxConnections) continue;  // closes it
            ++connections;
            asio::co_spawn(io, serve<Protocol>(std::move(socket)), asio::detached);
        }
    }

    template <class Protocol>
    typename Protocol::endpoint listen(const typename Protocol::endpoint& where) {
        typename Protocol::acceptor acceptor(io);
        acceptor.open(where.protocol());
        if constexpr (std::is_same_v<Protocol, asio::ip::tcp>)
            acceptor.set_option(asio::socket_base::reuse_address(true));
        acceptor.bind(where);
        acceptor.listen();
        const auto bound = acceptor.local_endpoint();
        asio::co_spawn(io, accept<Protocol>(std::move(acceptor)), asio::detached);
        return bound;
    }

    void listen_unix() {
        using Unix = asio::local::stream_protocol;
        const Unix::endpoint where(settings.socket);
        struct stat s;
        if (::lstat(settings.socket.c_str(), &s) == 0 && S_ISSOCK(s.st_mode)) {
            Unix::socket probe(io);
            beast::error_code error;
            probe.connect(where, error);
            if (error == asio::error::connection_refused) ::unlink(settings.socket.c_str());
        }
        listen<Unix>(where);
        socket_file = settings.socket;
    }
};

WebServer::WebServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<WebServer>> WebServer::start(const WebSettings& settings, WebContent content) {
    auto impl = std::make_unique<Impl>();
    impl->settings = settings;
    impl->content = std::move(content);
    const std::string where =
        settings.socket.empty() ? settings.address + ":" + std::to_string(settings.port) : settings.socket;
    try {
        if (!settings.socket.empty()) impl->listen_unix();
        else impl->port = impl->listen<asio::ip::tcp>({asio::ip::make_address(settings.address), settings.port}).port();
    } catch (const std::exception& e) {
        return Error{"The web server cannot listen on " + where + ": " + e.what() + "."};
    }
    impl->thread = std::thread([p = impl.get()] {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, nullptr);
        p->io.run();
    });
    return std::unique_ptr<WebServer>(new WebServer(std::move(impl)));
}

WebServer::~WebServer() {
    impl_->io.stop();
    impl_->thread.join();
    if (!impl_->socket_file.empty()) ::unlink(impl_->socket_file.c_str());
}

uint16_t WebServer::port() const { return impl_->port; }

}  // namespace undercoat::outputs
