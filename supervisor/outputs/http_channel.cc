// See http_channel.h.
#include "supervisor/outputs/http_channel.h"

#include "net/client.h"

namespace undercoat::outputs {
namespace {

bool worth_another_try(unsigned status) { return status == 408 || status == 429 || status >= 500; }

class HttpChannel : public Channel {
public:
    HttpChannel(std::string url, bool json, std::unique_ptr<net::HttpClient> client)
        : url_(std::move(url)), json_(json), client_(std::move(client)) {}

    Delivery deliver(const Message& message) override {
        const auto status = client_->post(json_ ? message.json : message.text, json_ ? "application/json" : "text/plain");
        if (!status) return Delivery::again(url_ + ": " + status.error());
        if (*status >= 200 && *status < 300) return Delivery::taken();
        const std::string why = url_ + " answered with status " + std::to_string(*status);
        if (!worth_another_try(*status)) return Delivery::refused(why);
        client_->close();
        return Delivery::again(why);
    }
    void reopen() override { client_->close(); }

private:
    const std::string url_;
    const bool json_;
    const std::unique_ptr<net::HttpClient> client_;
};

}  // namespace

Result<std::unique_ptr<Channel>> make_http_channel(const HttpSettings& settings, bool json) {
    auto url = net::parse_url(settings.url);
    if (!url) return Error{"The http output's url is " + url.error() + "."};
    net::HttpClient::Settings s;
    s.url = std::move(*url);
    s.keep_alive = settings.keep_alive;
    s.timeout = settings.timeout;
    s.headers.emplace_back("User-Agent", settings.user_agent);
    s.tls.insecure = settings.insecure;
    for (const std::string& file : {settings.ca_cert, settings.ca_bundle})
        if (!file.empty()) s.tls.ca_files.push_back(file);
    s.tls.ca_path = settings.ca_path;
    if (settings.mtls) s.tls.certificate = settings.client_cert, s.tls.key = settings.client_key;
    auto client = net::HttpClient::make(std::move(s));
    if (!client) return Error{"The http output cannot be used: " + client.error()};
    return std::unique_ptr<Channel>(std::make_unique<HttpChannel>(settings.url, json, std::move(*client)));
}

}  // namespace undercoat::outputs
