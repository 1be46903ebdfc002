// See syslog_channel.h.
#include "supervisor/outputs/syslog_channel.h"

#include "supervisor/fields/render.h"
#include "supervisor/outputs/resolve.h"

#include <cerrno>
#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

namespace undercoat::outputs {
namespace {

constexpr int kTimeoutMs = 2000;
constexpr unsigned kFacilityUser = 1;

struct Address {
    int type = SOCK_DGRAM;
    std::string host, port;  // of a network address
    std::string path;        // of a unix socket
};

Result<Address> parse(const std::string& text) {
    Address a;
    if (text.starts_with("/")) {
        a.path = text;
        return a;
    }
    const bool tcp = text.starts_with("tcp://");
    if (!tcp && !text.starts_with("udp://"))
        return Error{"The syslog address is '" + text +
                     "'; allowed are a path, udp://HOST[:PORT] and tcp://HOST[:PORT]."};
    a.type = tcp ? SOCK_STREAM : SOCK_DGRAM;
    std::string_view rest = std::string_view(text).substr(6);
    const size_t bracket = rest.find(']');
    const size_t colon = rest.find(':', bracket == rest.npos ? 0 : bracket);
    a.host = rest.substr(0, colon);
    if (a.host.starts_with('[') && a.host.ends_with(']')) a.host = a.host.substr(1, a.host.size() - 2);
    a.port = colon == rest.npos ? (tcp ? "601" : "514") : std::string(rest.substr(colon + 1));
    if (a.host.empty() || a.port.empty()) return Error{"The syslog address '" + text + "' has no host or no port."};
    return a;
}

class SyslogChannel : public Channel {
public:
    SyslogChannel(Address address, std::string hostname)
        : address_(std::move(address)), hostname_(std::move(hostname)) {}

    Delivery deliver(const Message& message) override {
        if (!socket_) {
            auto opened = open();
            if (!opened) return Delivery::again(opened.error());
            socket_ = std::move(*opened);
        }
        std::string text = syslog_text(message, hostname_);
        if (type_ == SOCK_DGRAM) return send_datagram(text);
        return send_stream(address_.path.empty() ? std::to_string(text.size()) + " " + text : text + "\n");
    }
    void reopen() override { socket_.reset(); }

private:
    Result<UniqueFd> open() {
        if (!address_.path.empty()) return connect_unix(address_.path, type_, kTimeoutMs);
        type_ = address_.type;
        return connect_to(address_.host, address_.port, type_, kTimeoutMs);
    }

    Delivery failed() {
        const int error = errno;
        socket_.reset();
        return Delivery::again(std::string("cannot send: ") + std::strerror(error));
    }

    // A datagram too long for the socket is sent cut: part of an alert is better than none.
    Delivery send_datagram(std::string& text) {
        while (::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) {
            if (errno == EINTR) continue;
            if (errno != EMSGSIZE || text.size() < 512) return failed();
            text.resize(text.size() / 2);
        }
        return Delivery::taken();
    }

    // A connection that broke in the middle is opened anew and gets the whole again.
    Delivery send_stream(const std::string& text) {
        for (size_t done = 0; done < text.size();) {
            const ssize_t n = ::send(socket_.get(), text.data() + done, text.size() - done, MSG_NOSIGNAL);
            if (n < 0 && errno == EINTR) continue;
            if (n <= 0) return failed();
            done += static_cast<size_t>(n);
        }
        return Delivery::taken();
    }

    const Address address_;
    const std::string hostname_;
    UniqueFd socket_;
    int type_ = SOCK_DGRAM;
};

}  // namespace

Result<std::unique_ptr<Channel>> make_syslog_channel(const SyslogSettings& settings, std::string hostname) {
    auto address = parse(settings.address);
    if (!address) return Error{address.error()};
    return std::unique_ptr<Channel>(std::make_unique<SyslogChannel>(std::move(*address), std::move(hostname)));
}

std::string syslog_text(const Message& message, const std::string& hostname) {
    // The standard allows six digits of a second.
    std::string time = fields::time_string(message.ts, fields::TimeForm::iso8601_utc);
    time.resize(time.size() - 3);
    std::string host;  // printable ASCII, at most 255
    for (const char c : hostname.substr(0, 255)) host += c > ' ' && c < 0x7f ? c : '_';
    std::string_view line = message.line;
    if (line.ends_with('\n')) line.remove_suffix(1);
    std::string s = "<" + std::to_string(kFacilityUser * 8 + message.severity) + ">1 " + time + "Z " +
                    (host.empty() ? "-" : host) + " undercoat " + std::to_string(::getpid()) + " alert - ";
    return s.append(line);
}

}  // namespace undercoat::outputs
