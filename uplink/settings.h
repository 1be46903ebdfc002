// How a collector or a relay is reached, and the variables that say so. Agents and relays read the same ones.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace undercoat::uplink {

struct Settings {
    std::string host;             // empty: nowhere
    std::string port = "6443";
    std::string access_key;
    std::string ca_cert;                      // trusted instead of the system's
    std::string client_cert, client_key;
    bool insecure = false;                    // do not check the server's certificate
    std::string proxy_host, proxy_port, proxy_user, proxy_password;  // HTTP CONNECT
};

using Lookup = std::function<const char*(const char* variable)>;

// Values by name: of the environment, else of a file. Each problem is a sentence that names the variable, what was given and
// what is allowed; a bad value is left out.
class Variables {
public:
    Variables(const std::map<std::string, std::string>& file, const Lookup& environment, std::vector<std::string>& problems)
        : file_(file), environment_(environment), problems_(problems) {}

    std::string get(const char* name) const;  // empty: not set
    void text(const char* name, std::string& to) const;
    void flag(const char* name, bool& to) const;
    void megabytes(const char* name, size_t& to) const;
    void seconds(const char* name, std::chrono::seconds& to) const;
    void list(const char* name, std::vector<std::string>& to) const;  // separated by commas
    void bad(const char* name, const std::string& given, const char* allowed) const;
    void problem(std::string sentence) const { problems_.push_back(std::move(sentence)); }

private:
    const std::map<std::string, std::string>& file_;
    const Lookup& environment_;
    std::vector<std::string>& problems_;
};

enum class Upstream { collector, collector_or_relay };
// Fills all of `s`. Without a host the rest is not looked at.
void read_settings(const Variables& variables, Upstream upstream, Settings& s);

}  // namespace undercoat::uplink
