// See web_server.h.
#include "supervisor/outputs/web_server.h"

#include "net/server.h"

namespace undercoat::outputs {

struct WebServer::Impl {
    WebSettings settings;
    WebContent content;
    std::unique_ptr<net::Server> server;

    net::Response answer(const net::Request& request) const {
        if (request.method != "GET" && request.method != "HEAD") return net::Response::of(405, "text/plain", "");
        if (request.path == settings.healthz_path) return net::Response::of(200, "application/json", "{\"status\": \"ok\"}");
        if (request.path == "/versions") return net::Response::of(200, "application/json", content.versions());
        if (request.path == "/metrics" && settings.prometheus)
            return net::Response::of(200, "text/plain; version=0.0.4", content.metrics());
        return net::Response::of(404, "text/plain", "");
    }
};

WebServer::WebServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<WebServer>> WebServer::start(const WebSettings& settings, WebContent content) {
    auto impl = std::make_unique<Impl>();
    impl->settings = settings;
    impl->content = std::move(content);
    net::ServerSettings s;
    s.address = settings.address;
    s.port = settings.port;
    s.unix_socket = settings.socket;
    s.patience = std::chrono::seconds(5);
    s.keep_alive = false;
    s.header_limit = 4096;
    net::ServerHandlers h;
    h.http = [p = impl.get()](net::Request request, net::Respond respond) { respond(p->answer(request)); };
    auto server = net::Server::start(s, std::move(h));
    if (!server) return Error{"The web " + server.error().substr(4)};  // "The server cannot …"
    impl->server = std::move(*server);
    return std::unique_ptr<WebServer>(new WebServer(std::move(impl)));
}

WebServer::~WebServer() = default;

uint16_t WebServer::port() const { return impl_->server->port(); }

}  // namespace undercoat::outputs
