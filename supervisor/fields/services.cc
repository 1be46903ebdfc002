// Port names, see services.h.
#include "supervisor/fields/services.h"

#include <fstream>
#include <sstream>
#include <string>
#include <unordered_map>

namespace undercoat::fields {
namespace {

using Table = std::unordered_map<uint32_t, std::string>;

uint32_t key(uint16_t port, bool udp) { return uint32_t{port} << 1 | udp; }

// Lines: NAME PORT/PROTOCOL [ALIAS…] [# comment]. The first name of a port wins.
Table load() {
    Table table;
    std::ifstream in("/etc/services");
    for (std::string line; std::getline(in, line) && table.size() < 20000;) {
        std::istringstream words(line.substr(0, line.find('#')));
        std::string name, port_text;
        if (!(words >> name >> port_text)) continue;
        const size_t slash = port_text.find('/');
        if (slash == port_text.npos || slash > 5) continue;
        const std::string protocol = port_text.substr(slash + 1);
        if (protocol != "tcp" && protocol != "udp") continue;
        const unsigned long port = std::strtoul(port_text.c_str(), nullptr, 10);
        if (port == 0 || port > 65535) continue;
        table.emplace(key(static_cast<uint16_t>(port), protocol == "udp"), name);
    }
    struct Known {
        uint16_t port;
        const char* name;
    };
    constexpr Known kKnown[] = {{21, "ftp"},   {22, "ssh"},   {23, "telnet"}, {25, "smtp"},    {53, "domain"},
                                {80, "http"},  {123, "ntp"},  {443, "https"}, {3306, "mysql"}, {5432, "postgresql"}};
    for (const Known& k : kKnown)
        for (bool udp : {false, true}) table.emplace(key(k.port, udp), k.name);
    return table;
}

}  // namespace

std::string_view service_name(uint16_t port, bool udp) {
    static const Table table = load();
    const auto it = table.find(key(port, udp));
    return it == table.end() ? std::string_view() : std::string_view(it->second);
}

}  // namespace undercoat::fields
