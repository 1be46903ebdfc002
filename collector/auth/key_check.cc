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

std::variant<net::Response, Accounts::Holder> agent_login(Accounts& accounts, const net::Request& request,
                                                          const std::function<void(const std::string&)>& log) {
    const std::string key = presented_key(request);
    if (key.empty()) return json_error(401, "an access key is missing: set UNDERCOAT_ACCESS_KEY, or send Authorization: Bearer KEY");
    if (auto holder = accounts.find_key(key); holder && (holder->role == "agent" || holder->role == "relay")) return std::move(*holder);
    // The log is what is slowed down.
    if (const std::string refused = "refused " + request.peer; accounts.may_try(refused)) {
        accounts.note_failure(refused);
        log("An agent from " + request.peer + " was refused: its access key is unknown.");
    }
    return json_error(401, "the access key is unknown");
}

}  // namespace undercoat::collector
