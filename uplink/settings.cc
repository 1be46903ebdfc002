// See settings.h.
#include "uplink/settings.h"

#include "wire/remote/messages.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <tuple>

namespace undercoat::uplink {
namespace {

// HOST, HOST:PORT, [IPV6], [IPV6]:PORT.
bool split(const std::string& text, std::string& host, std::string& port) {
    const size_t bracket = text.rfind(']');
    const size_t colon = text.find(':', bracket == text.npos ? 0 : bracket);
    host = text.substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    if (colon != text.npos) port = text.substr(colon + 1);
    return !host.empty() && host.find_first_of("/@ ") == host.npos && !port.empty() && port.size() <= 5 &&
           port.find_first_not_of("0123456789") == port.npos;
}

// The collector or, with the same meaning for an agent, the orchestrator before it.
void address(const Variables& v, Upstream upstream, Settings& s) {
    for (const auto& [name, port_name, standard] :
         {std::tuple{"UNDERCOAT_COLLECTOR", "UNDERCOAT_COLLECTOR_PORT", "6443"},
          std::tuple{"UNDERCOAT_ORCHESTRATOR", "UNDERCOAT_ORCHESTRATOR_PORT", "6667"}}) {
        const std::string given = v.get(name);
        if (given.empty()) continue;
        s.port = standard;
        v.text(port_name, s.port);
        if (!split(given, s.host, s.port)) {
            v.bad(name, given, "HOST or HOST:PORT is allowed");
            s.host.clear();
        }
        if (upstream == Upstream::collector) return;
    }
}

void proxy(const Variables& v, Settings& s) {
    std::string given = v.get("UNDERCOAT_PROXY");
    if (given.empty()) return;
    const std::string whole = given;
    if (given.starts_with("http://")) given.erase(0, 7);
    while (given.ends_with('/')) given.pop_back();
    if (const size_t at = given.rfind('@'); at != given.npos) {
        const std::string login = given.substr(0, at);
        const size_t colon = login.find(':');
        s.proxy_user = login.substr(0, colon);
        s.proxy_password = colon == login.npos ? "" : login.substr(colon + 1);
        given.erase(0, at + 1);
    }
    s.proxy_port = "3128";
    if (!split(given, s.proxy_host, s.proxy_port)) {
        v.bad("UNDERCOAT_PROXY", whole.substr(whole.rfind('@') + 1), "[http://][USER:PASSWORD@]HOST[:PORT] is allowed");
        s.proxy_host.clear();
    }
    v.text("UNDERCOAT_PROXY_USER", s.proxy_user);
    v.text("UNDERCOAT_PROXY_PASSWORD", s.proxy_password);
}

void access_key(const Variables& v, Settings& s) {
    if (const std::string file = v.get("UNDERCOAT_ACCESS_KEY_FILE"); !file.empty()) {
        std::ifstream in(file);
        std::string key;
        if (!(in >> key)) v.problem("UNDERCOAT_ACCESS_KEY_FILE is '" + file + "', which holds no key or cannot be read.");
        else s.access_key = key;
    }
    v.text("UNDERCOAT_ACCESS_KEY", s.access_key);
    if (s.access_key.find_first_of(" \r\n\t") == s.access_key.npos) return;
    v.problem("UNDERCOAT_ACCESS_KEY holds a blank or a line break; it is left out.");
    s.access_key.clear();
}

}  // namespace

std::string Variables::get(const char* name) const {
    if (const char* v = environment_(name); v && *v) return v;
    const auto it = file_.find(name);
    return it == file_.end() ? "" : it->second;
}

void Variables::text(const char* name, std::string& to) const {
    if (std::string v = get(name); !v.empty()) to = std::move(v);
}

void Variables::flag(const char* name, bool& to) const {
    const std::string v = get(name);
    if (v.empty()) return;
    if (v == "1" || v == "true" || v == "yes") to = true;
    else if (v == "0" || v == "false" || v == "no") to = false;
    else bad(name, v, "true and false are allowed");
}

namespace {

// A whole number from 1 to `most`; nothing: it is none.
std::optional<size_t> whole_number(const std::string& v, size_t most) {
    size_t n = 0;
    const auto [end, error] = std::from_chars(v.data(), v.data() + v.size(), n);
    return error == std::errc() && end == v.data() + v.size() && n >= 1 && n <= most ? std::optional(n) : std::nullopt;
}

}  // namespace

void Variables::megabytes(const char* name, size_t& to) const {
    const std::string v = get(name);
    if (v.empty()) return;
    if (const auto n = whole_number(v, 100'000)) to = *n << 20;
    else bad(name, v, "a number of megabytes from 1 to 100000 is allowed");
}

void Variables::seconds(const char* name, std::chrono::seconds& to) const {
    const std::string v = get(name);
    if (v.empty()) return;
    if (const auto n = whole_number(v, 3600)) to = std::chrono::seconds(*n);
    else bad(name, v, "a number of seconds from 1 to 3600 is allowed");
}

void Variables::list(const char* name, std::vector<std::string>& to) const {
    const std::string text = get(name);
    if (text.empty()) return;
    std::vector<std::string> given;
    for (size_t at = 0; at <= text.size();) {
        const size_t end = std::min(text.find(',', at), text.size());
        if (end > at) given.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    // As many and as long as the protocol takes.
    if (given.size() > remote::kMaxPairs)
        return problem(std::string(name) + " holds " + std::to_string(given.size()) + " entries; " + std::to_string(remote::kMaxPairs) +
                       " are allowed. It is left out.");
    for (const std::string& entry : given)
        if (entry.size() > remote::kMaxName)
            return problem(std::string(name) + " holds an entry of " + std::to_string(entry.size()) + " bytes; " +
                           std::to_string(remote::kMaxName) + " are allowed. It is left out.");
    to = std::move(given);
}

void Variables::bad(const char* name, const std::string& given, const char* allowed) const {
    problem(std::string(name) + " is '" + given + "'; " + allowed + ". It is left out.");
}

void read_settings(const Variables& v, Upstream upstream, Settings& s) {
    address(v, upstream, s);
    if (s.host.empty()) return;
    proxy(v, s);
    access_key(v, s);
    v.text("UNDERCOAT_CA_CERT", s.ca_cert);
    v.text("UNDERCOAT_CLIENT_CERT", s.client_cert);
    v.text("UNDERCOAT_CLIENT_KEY", s.client_key);
    v.flag("UNDERCOAT_INSECURE", s.insecure);
}

}  // namespace undercoat::uplink
