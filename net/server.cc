// See server.h. One coroutine for each connection, all in one thread.
#include "net/server.h"

#include "net/beast.h"
#include "net/server_socket.h"

#include <atomic>
#include <csignal>
#include <poll.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

namespace undercoat::net {
namespace {

constexpr auto kLook = std::chrono::milliseconds(500);  // whether a client that waits is still there

using Message = http::request<http::string_body>;

std::string_view view(beast::string_view s) { return {s.data(), s.size()}; }

// The request's head. False: its target is none.
bool describe(const http::request_header<>& head, const std::string& peer, bool tls, Request& out) {
    out.method = head.method() == http::verb::unknown ? "OTHER" : std::string(view(head.method_string()));
    out.peer = peer;
    out.tls = tls;
    for (const auto& field : head) out.headers.emplace_back(view(field.name_string()), view(field.value()));
    return parse_target(view(head.target()), out);
}

http::response<http::string_body> to_beast(Response answer, unsigned version, bool head_only, bool keep_alive) {
    http::response<http::string_body> r{static_cast<http::status>(answer.status), version};
    for (const auto& [name, value] : answer.headers) r.insert(name, value);
    r.body() = std::move(answer.body);
    r.keep_alive(keep_alive);
    r.prepare_payload();
    if (head_only) r.body().clear();
    return r;
}

}  // namespace

struct Respond::State {
    State(std::shared_ptr<asio::io_context> context) : io(std::move(context)), arrived(std::make_shared<Arrived>(*io)) {}
    ~State() { give(Response::of(500, "text/plain", "no answer\n")); }

    struct Arrived {  // the server's thread only
        explicit Arrived(asio::io_context& context) : wake(context, asio::steady_timer::time_point::max()) {}
        std::optional<Response> response;
        asio::steady_timer wake;
    };
    void give(Response response) {
        if (done.exchange(true)) return;
        asio::post(*io, [to = arrived, r = std::move(response)]() mutable {
            to->response = std::move(r);
            to->wake.cancel();
        });
    }
    std::shared_ptr<asio::io_context> io;
    std::shared_ptr<Arrived> arrived;
    std::atomic<bool> done{false};
};

void Respond::operator()(Response response) const { state_->give(std::move(response)); }

// Sockets keep it for those who send late, and what waits in it keeps the sockets: at the end what waits goes first.
class Context : public asio::io_context {
public:
    Context() : asio::io_context(1) {}
    void drop_what_waits() { shutdown(); }
};

struct Server::Impl {
    ServerSettings settings;
    ServerHandlers handlers;
    std::shared_ptr<Context> io = std::make_shared<Context>();
    std::optional<ssl::context> context;
    uint16_t port = 0;
    std::string socket_file;
    struct {
        std::atomic<uint64_t> accepted{0}, refused_full{0}, failed_handshakes{0}, bad_requests{0}, timeouts{0}, open{0};
    } counts;
    std::thread thread;

    void count_failure(const beast::error_code& e) {
        if (e == beast::error::timeout) ++counts.timeouts;
        else if (e.category() == http::make_error_code(http::error::bad_method).category() && e != http::error::end_of_stream)
            ++counts.bad_requests;
    }

    Status prepare_tls() {
        try {
            context.emplace(ssl::context::tls_server);
            ::SSL_CTX_set_min_proto_version(context->native_handle(), TLS1_3_VERSION);
            ::SSL_CTX_set_mode(context->native_handle(), SSL_MODE_RELEASE_BUFFERS);
            ::SSL_CTX_set_num_tickets(context->native_handle(), 0);
            context->use_certificate_chain(asio::buffer(settings.tls.certificate));
            context->use_private_key(asio::buffer(settings.tls.key), ssl::context::pem);
            if (!settings.tls.client_ca.empty()) {
                context->add_certificate_authority(asio::buffer(settings.tls.client_ca));
                context->set_verify_mode(ssl::verify_peer);
            }
        } catch (const std::exception& e) {
            return Error{std::string("The server's certificate or key cannot be used: ") + e.what() + "."};
        }
        return Unit{};
    }

    template <class Stream>
    asio::awaitable<void> answer_shortly(Stream& stream, unsigned status, std::string text) {
        beast::error_code ignored;
        auto r = to_beast(Response::of(status, "text/plain", text + "\n"), 11, false, false);
        co_await http::async_write(stream, r, asio::redirect_error(use_awaitable, ignored));
    }

    // The head and the body of one request. False: the connection is to be closed.
    template <class Stream>
    asio::awaitable<bool> receive(Stream& stream, beast::flat_buffer& buffer, const std::string& peer, bool first, Request& request,
                                  Message& raw) {
        http::request_parser<http::string_body> parser;
        parser.header_limit(static_cast<uint32_t>(settings.header_limit));
        parser.body_limit(boost::none);
        beast::error_code error;
        // Between requests a client may be silent for longer than within one.
        lowest(stream).expires_after(first ? settings.patience : settings.idle);
        co_await http::async_read_header(stream, buffer, parser, asio::redirect_error(use_awaitable, error));
        if (error) {
            count_failure(error);
            if (error == http::error::header_limit) co_await answer_shortly(stream, 431, "the headers are too large");
            else if (error != beast::error::timeout && error != http::error::end_of_stream &&
                     error.category() == http::make_error_code(http::error::bad_method).category())
                co_await answer_shortly(stream, 400, "this is no HTTP request");
            co_return false;
        }
        if (!describe(parser.get().base(), peer, std::is_same_v<Stream, Secure>, request)) {
            ++counts.bad_requests;
            co_await answer_shortly(stream, 400, "the address is malformed");
            co_return false;
        }
        const size_t limit = handlers.body_limit(request);
        if (parser.content_length() && *parser.content_length() > limit) {
            ++counts.bad_requests;
            co_await answer_shortly(stream, 413, "the body is too large");
            co_return false;
        }
        lowest(stream).expires_after(settings.patience);
        if (equal_ignoring_case(request.header("expect"), "100-continue") && !parser.is_done()) {
            http::response<http::empty_body> go_on{http::status::continue_, 11};
            co_await http::async_write(stream, go_on, use_awaitable);
        }
        parser.body_limit(limit);
        co_await http::async_read(stream, buffer, parser, asio::redirect_error(use_awaitable, error));
        if (error) {
            count_failure(error);
            if (error == http::error::body_limit) co_await answer_shortly(stream, 413, "the body is too large");
            co_return false;
        }
        raw = parser.release();
        request.body = std::move(raw.body());
        co_return true;
    }

    // False: the client has gone. A client that waits holds one of max_connections: not for ever, and not when it is away.
    template <class Stream>
    asio::awaitable<bool> wait_for_answer(Stream& stream, Respond::State::Arrived& arrived) {
        const auto end = std::chrono::steady_clock::now() + settings.idle;
        while (!arrived.response) {
            arrived.wake.expires_at(std::min(end, std::chrono::steady_clock::now() + kLook));
            beast::error_code error;
            co_await arrived.wake.async_wait(asio::redirect_error(use_awaitable, error));
            if (arrived.response) break;
            pollfd looked{lowest(stream).socket().native_handle(), POLLRDHUP, 0};
            if (::poll(&looked, 1, 0) > 0) co_return false;
            if (std::chrono::steady_clock::now() < end) continue;
            ++counts.timeouts;
            arrived.response = Response::of(503, "text/plain", "the answer takes too long; try again later\n");
        }
        co_return true;
    }

    template <class Stream>
    asio::awaitable<bool> answer(Stream& stream, Request request, const Message& raw) {
        const bool keep = settings.keep_alive && raw.keep_alive(), head_only = raw.method() == http::verb::head;
        auto state = std::make_shared<Respond::State>(io);
        const auto arrived = state->arrived;
        lowest(stream).expires_never();
        handlers.http(std::move(request), Respond(std::move(state)));
        if (!co_await wait_for_answer(stream, *arrived)) co_return false;
        auto r = to_beast(std::move(*arrived->response), raw.version(), head_only, keep);
        lowest(stream).expires_after(settings.idle);
        co_await http::async_write(stream, r, use_awaitable);
        co_return keep;
    }

    asio::awaitable<void> run_socket(Secure stream, Message raw,
                                     std::function<std::unique_ptr<SocketHandler>(std::shared_ptr<Socket>)> make) {
        lowest(stream).expires_never();
        auto socket = std::make_shared<ServerSocket>(io, SecureSocket(std::move(stream)), settings.send_limit);
        auto& ws = socket->stream();
        ws.set_option(websocket::stream_base::timeout{settings.patience, settings.idle, true});
        const std::string protocol(view(raw[http::field::sec_websocket_protocol]));
        ws.set_option(websocket::stream_base::decorator([&](websocket::response_type& r) {
            if (!protocol.empty() && protocol.find(',') == protocol.npos) r.set(http::field::sec_websocket_protocol, protocol);
        }));
        co_await ws.async_accept(raw, use_awaitable);
        raw = Message();  // what thousands of idle connections do not need is not kept for them
        std::unique_ptr<SocketHandler> handler = make(socket);
        asio::co_spawn(*io, [socket]() -> asio::awaitable<void> { co_await socket->write(); }, asio::detached);
        try {
            co_await socket->read(*handler, settings.message_limit);
        } catch (const boost::system::system_error& e) {
            if (e.code() == beast::error::timeout) ++counts.timeouts;
            else if (e.code() != websocket::error::closed && e.code().category() == make_error_code(websocket::error::closed).category())
                ++counts.bad_requests;
        }
        handler.reset();
        socket->end();
        beast::error_code ignored;
        lowest(ws.next_layer()).socket().close(ignored);
    }

    template <class Stream>
    asio::awaitable<void> serve(Stream stream, std::string peer) {
        beast::flat_buffer buffer(64 * 1024);
        for (bool first = true;; first = false) {
            Request request;
            Message raw;
            if (!co_await receive(stream, buffer, peer, first, request, raw)) break;
            if constexpr (std::is_same_v<Stream, Secure>) {
                if (handlers.upgrade && websocket::is_upgrade(raw)) {
                    Upgrade upgrade = handlers.upgrade(request);
                    if (auto* refusal = std::get_if<Response>(&upgrade)) {
                        auto r = to_beast(std::move(*refusal), raw.version(), false, false);
                        co_await http::async_write(stream, r, use_awaitable);
                        break;
                    }
                    request = Request();
                    buffer.clear();
                    buffer.shrink_to_fit();
                    co_await run_socket(std::move(stream), std::move(raw), std::move(std::get<1>(upgrade)));
                    co_return;
                }
            }
            if (!co_await answer(stream, std::move(request), raw)) break;
        }
        co_await finish(stream);
    }

    asio::awaitable<void> finish(Plain& stream) {
        beast::error_code ignored;
        stream.socket().shutdown(asio::socket_base::shutdown_send, ignored);
        // What the client still sends is read for a moment: closing over it would reset the connection under our answer.
        stream.expires_after(std::chrono::seconds(1));
        char scratch[1024];
        for (int i = 0; i < 64 && !ignored; ++i)
            co_await stream.async_read_some(asio::buffer(scratch), asio::redirect_error(use_awaitable, ignored));
    }
    asio::awaitable<void> finish(Secure& stream) {
        beast::error_code ignored;
        lowest(stream).expires_after(std::chrono::seconds(1));
        co_await stream.async_shutdown(asio::redirect_error(use_awaitable, ignored));
    }

    asio::awaitable<void> connection(Plain stream, std::string peer) {
        try {
            if (!context) {
                co_await serve(std::move(stream), std::move(peer));
            } else {
                Secure secure(std::move(stream), *context);
                beast::error_code error;
                lowest(secure).expires_after(settings.patience);
                co_await secure.async_handshake(ssl::stream_base::server, asio::redirect_error(use_awaitable, error));
                if (error) ++counts.failed_handshakes;
                else co_await serve(std::move(secure), std::move(peer));
            }
        } catch (const std::exception&) {
            // The client's trouble: it is gone, too slow, or speaks no HTTP.
        }
        --counts.open;
    }

    static std::string peer_of(const tcp::socket& s) {
        beast::error_code error;
        const auto end = s.remote_endpoint(error);
        return error ? "" : end.address().to_string();
    }
    static std::string peer_of(const asio::local::stream_protocol::socket&) { return ""; }

    template <class Protocol>
    asio::awaitable<void> accept(typename Protocol::acceptor acceptor) {
        for (;;) {
            beast::error_code error;
            auto socket = co_await acceptor.async_accept(asio::redirect_error(use_awaitable, error));
            if (error == asio::error::operation_aborted) co_return;
            if (error) {  // no descriptor is free, for one
                asio::steady_timer pause(*io, std::chrono::milliseconds(200));
                co_await pause.async_wait(asio::redirect_error(use_awaitable, error));
                continue;
            }
            ++counts.accepted;
            if (counts.open >= settings.max_connections) {
                ++counts.refused_full;
                continue;  // closes it
            }
            ++counts.open;
            if constexpr (std::is_same_v<Protocol, tcp>) socket.set_option(tcp::no_delay(true), error);
            std::string peer = peer_of(socket);
            asio::co_spawn(*io, connection(Plain(std::move(socket)), std::move(peer)), asio::detached);
        }
    }

    template <class Protocol>
    typename Protocol::endpoint listen(const typename Protocol::endpoint& where) {
        typename Protocol::acceptor acceptor(*io);
        acceptor.open(where.protocol());
        if constexpr (std::is_same_v<Protocol, tcp>) acceptor.set_option(asio::socket_base::reuse_address(true));
        acceptor.bind(where);
        acceptor.listen();
        const auto bound = acceptor.local_endpoint();
        asio::co_spawn(*io, accept<Protocol>(std::move(acceptor)), asio::detached);
        return bound;
    }

    void listen_unix() {
        using Unix = asio::local::stream_protocol;
        const Unix::endpoint where(settings.unix_socket);
        struct stat s;
        if (::lstat(settings.unix_socket.c_str(), &s) == 0 && S_ISSOCK(s.st_mode)) {
            Unix::socket probe(*io);
            beast::error_code error;
            probe.connect(where, error);
            if (error == asio::error::connection_refused) ::unlink(settings.unix_socket.c_str());
        }
        listen<Unix>(where);
        socket_file = settings.unix_socket;
    }
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Result<std::unique_ptr<Server>> Server::start(const ServerSettings& settings, ServerHandlers handlers) {
    auto impl = std::make_unique<Impl>();
    impl->settings = settings;
    impl->handlers = std::move(handlers);
    OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
    if (!settings.tls.certificate.empty())
        if (Status s = impl->prepare_tls(); !s) return Error{s.error()};
    const std::string where =
        settings.unix_socket.empty() ? settings.address + ":" + std::to_string(settings.port) : settings.unix_socket;
    try {
        if (!settings.unix_socket.empty()) impl->listen_unix();
        else impl->port = impl->listen<tcp>({asio::ip::make_address(settings.address), settings.port}).port();
    } catch (const std::exception& e) {
        return Error{"The server cannot listen on " + where + ": " + e.what() + "."};
    }
    impl->thread = std::thread([p = impl.get()] {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_BLOCK, &all, nullptr);
        p->io->run();
    });
    return std::unique_ptr<Server>(new Server(std::move(impl)));
}

Server::~Server() {
    impl_->io->stop();
    impl_->thread.join();
    impl_->io->drop_what_waits();
    if (!impl_->socket_file.empty()) ::unlink(impl_->socket_file.c_str());
}

uint16_t Server::port() const { return impl_->port; }

ServerCounters Server::counters() const {
    const auto& c = impl_->counts;
    return {c.accepted, c.refused_full, c.failed_handshakes, c.bad_requests, c.timeouts, c.open};
}

}  // namespace undercoat::net
