// Clients of HTTP and WebSocket, over TLS or not, through a proxy or not. Boost.Beast stays behind this header.
//
// Must stay true: a server's certificate and name are checked unless `insecure` is set; every call comes back within its
// time limit; nothing of the image (openssl.cnf, nsswitch.conf's modules) is loaded. An object belongs to one thread, but
// for wake().
#pragma once

#include "base/result.h"
#include "net/http.h"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace undercoat::net {

struct ClientTls {
    bool insecure = false;               // do not check the server's certificate
    std::vector<std::string> ca_files;   // trusted; without them, and without a directory, the system's
    std::string ca_path;                 // a directory of the same, besides
    bool system_too = false;             // the system's besides ca_files
    std::string certificate, key;        // files of the client's own; empty: none
    bool only_tls13 = false;
};

struct Url {
    bool tls = false;
    std::string host, port, target;
    std::string host_header;
};
// http[s]://HOST[:PORT][/PATH]; the error is a half sentence that begins with what was given.
Result<Url> parse_url(const std::string& text);

// Asks one URL, on one connection that is kept if asked to.
class HttpClient {
public:
    struct Settings {
        Url url;
        ClientTls tls;
        bool keep_alive = false;
        std::chrono::milliseconds timeout{5000};
        Headers headers;
        size_t most_answer = 64 << 10;  // bytes of a body; a longer one is an error
    };
    // Error: a certificate cannot be read.
    static Result<std::unique_ptr<HttpClient>> make(Settings settings);
    ~HttpClient();
    // The answer's status; its body is thrown away. The error is a half sentence.
    Result<unsigned> post(const std::string& body, std::string_view content_type);
    struct Answer {
        unsigned status = 0;
        std::string body;
    };
    // The same with another method, and with what the answer says.
    Result<Answer> request(std::string_view method, const std::string& body, std::string_view content_type);
    void close();

private:
    struct Impl;
    explicit HttpClient(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

struct Proxy {
    std::string host;  // empty: none
    std::string port;
    std::string user, password;
};

// One WebSocket over TLS.
class WebSocketClient {
public:
    struct Settings {
        std::string host, port, target;
        std::string subprotocol;
        ClientTls tls;
        Proxy proxy;                   // HTTP CONNECT
        Headers headers;               // of the upgrade
        std::chrono::milliseconds timeout{10'000};  // to connect, for each address
        size_t message_limit = 1 << 20;
        size_t send_limit = 4 << 20;
    };
    static Result<std::unique_ptr<WebSocketClient>> make(Settings settings);
    ~WebSocketClient();

    // Looks the name up anew and tries its addresses in random order until one completes the handshakes. The error is a
    // half sentence about the last one that failed. Wants a closed connection.
    Status open();
    bool is_open() const;
    const std::string& peer() const;  // address and port of the open connection, or of the proxy
    // False: send_limit is reached, or nothing is open.
    bool send(std::string message);
    size_t waiting() const;
    void close();

    struct Happening {
        enum class Kind { message, woken, timeout, closed } kind = Kind::timeout;
        std::string text;  // the message, or why it was closed
    };
    // Moves data until something happens. Also to be called, for waiting, while nothing is open.
    Happening poll(std::chrono::milliseconds timeout);
    // Ends a poll() that runs, or the next one. From any thread.
    void wake();

private:
    struct Impl;
    explicit WebSocketClient(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

// Makes name look-ups use /etc/hosts and DNS only: anything else in the image's nsswitch.conf would load the image's
// modules into us. Before the first look-up; more calls do no harm.
void limit_name_services();

}  // namespace undercoat::net
