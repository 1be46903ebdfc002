// See key_check.h.
#include "collector/auth/key_check.h"

#include "collector/auth/secrets.h"
#include "collector/json.h"

namespace undercoat::collector {

net::Response json_error(unsigned status, std::string_view message) {
    std::string body = "{\"error\":";
    append_quoted(message, body);
    return net::Response::of(status, "application/json", body + "}");
}

std::string presented_key(const net::Request& request) {
    const std::string_view value = request.header("authorization");
    const auto scheme = [&](std::string_view name) {
        return value.size() > name.size() && net::equal_ignoring_case(value.substr(0, name.size()), name);
    };
    if (scheme("bearer ")) return std::string(value.substr(7));
    if (!scheme("basic ")) return "";
    const std::string both = base64_decoded(value.substr(6));
    const size_t colon = both.find(':');
    return colon == both.npos ? "" : both.substr(colon + 1);
}

std::optional<net::Response> agent_refusal(Accounts& accounts, const net::Request& request,
                                           const std::function<void(const std::string&)>& log) {
    const std::string key = presented_key(request);
    if (!accounts.may_try(request.peer)) return json_error(429, "too many failures from this address; try again later");
    if (key.empty()) return json_error(401, "an access key is missing: set UNDERCOAT_ACCESS_KEY, or send Authorization: Bearer KEY");
    if (accounts.check_key(key, "agent")) return std::nullopt;
    accounts.note_failure(request.peer);
    log("An agent from " + request.peer + " was refused: its access key is unknown.");
    return json_error(401, "the access key is unknown");
}

}  // namespace undercoat::collector
