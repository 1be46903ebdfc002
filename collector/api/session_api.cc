// Logging in and out. See routes.h.
#include "collector/api/routes.h"

#include "collector/json.h"

#include <boost/json.hpp>

namespace undercoat::collector {
namespace {

std::string cookie(const std::string& token, int seconds) {
    return std::string(kCookie) + "=" + token +
           "; Path=/; Secure; HttpOnly; SameSite=Strict; Max-Age=" + std::to_string(seconds);
}

net::Response about(const Session& session) {
    std::string body = "{\"user\":";
    append_quoted(session.user, body);
    body += ",\"csrf\":";
    append_quoted(session.csrf, body);
    body += ",\"expires\":";
    append_quoted(iso_time(session.expires_ns), body);
    return net::Response::of(200, "application/json", body + "}");
}

}  // namespace

net::Response log_in(ApiContext& context, const net::Request& request, const std::string&) {
    // A form of another site cannot send this type.
    if (!request.header("content-type").starts_with("application/json"))
        return json_error(415, "the body must be application/json");
    if (!same_origin(request)) return json_error(403, "the request comes from another site");
    boost::system::error_code error;
    const auto value = boost::json::parse(request.body, error);
    const auto* user = value.is_object() ? value.get_object().if_contains("user") : nullptr;
    const auto* password = value.is_object() ? value.get_object().if_contains("password") : nullptr;
    if (error || !user || !user->is_string() || !password || !password->is_string())
        return json_error(400, "the body must be an object with the texts user and password");
    if (!context.accounts.may_try(request.peer))
        return json_error(429, "too many failures from this address; try again later");
    const auto token = context.accounts.login(std::string(user->get_string()), password->get_string());
    if (!token) {
        context.accounts.note_failure(request.peer);
        context.log("A login of '" + harmless(user->get_string()) + "' from " + request.peer + " failed.");
        return json_error(401, "user and password do not fit");
    }
    const auto session = context.accounts.session(*token);
    if (!session) return json_error(500, "the session is gone");
    net::Response r = about(*session);
    r.headers.emplace_back("Set-Cookie", cookie(*token, 12 * 3600));
    return r;
}

net::Response log_out(ApiContext& context, const net::Request& request, const std::string&) {
    context.accounts.logout(request.cookie(kCookie));
    net::Response r = net::Response::of(200, "application/json", "{\"ok\":true}");
    r.headers.emplace_back("Set-Cookie", cookie("", 0));
    return r;
}

net::Response get_session(ApiContext& context, const net::Request& request, const std::string&) {
    if (const auto session = context.accounts.session(request.cookie(kCookie))) return about(*session);
    return json_error(401, "there is no session; a key is in use");
}

}  // namespace undercoat::collector
