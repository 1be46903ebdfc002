// Names and addresses of the network that need no connection, see client.h.
#include "net/client.h"

#include <mutex>
#include <nss.h>

namespace undercoat::net {

void limit_name_services() {
    static std::once_flag once;
    std::call_once(once, [] {
        __nss_configure_lookup("hosts", "files dns");
        __nss_configure_lookup("services", "files");
    });
}

Result<Url> parse_url(const std::string& text) {
    Url u;
    u.tls = text.starts_with("https://");
    if (!u.tls && !text.starts_with("http://")) return Error{"'" + text + "'; it must begin with http:// or https://"};
    std::string_view rest = std::string_view(text).substr(u.tls ? 8 : 7);
    const size_t slash = rest.find('/');
    u.host_header = rest.substr(0, slash);
    u.target = slash == rest.npos ? "/" : std::string(rest.substr(slash));
    std::string_view authority = rest.substr(0, slash);
    const size_t bracket = authority.rfind(']');
    const size_t colon = authority.find(':', bracket == authority.npos ? 0 : bracket);
    u.host = authority.substr(0, colon);
    if (u.host.starts_with('[') && u.host.ends_with(']')) u.host = u.host.substr(1, u.host.size() - 2);
    u.port = colon == authority.npos ? (u.tls ? "443" : "80") : std::string(authority.substr(colon + 1));
    const bool number = !u.port.empty() && u.port.find_first_not_of("0123456789") == u.port.npos;
    if (u.host.empty() || !number || authority.find('@') != authority.npos)
        return Error{"'" + text + "'; it must be http[s]://HOST[:PORT][/PATH]"};
    return u;
}

}  // namespace undercoat::net
