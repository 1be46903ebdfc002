// See numbers.h.
#include "collector/api/numbers.h"

namespace undercoat::collector {

void add_server_numbers(const net::ServerCounters& c, Numbers& numbers) {
    numbers.insert(numbers.end(), {
        {"connections_total", "counter", "Connections accepted.", c.accepted},
        {"connections_open", "gauge", "Connections open.", c.open},
        {"connections_refused_total", "counter", "Connections beyond the limit.", c.refused_full},
        {"handshakes_failed_total", "counter", "TLS handshakes that failed.", c.failed_handshakes},
        {"requests_bad_total", "counter", "Requests that were no HTTP or beyond a limit.", c.bad_requests},
        {"timeouts_total", "counter", "Connections closed because the other side was too slow.", c.timeouts},
    });
}

net::Response metrics_answer(std::string_view prefix, const Numbers& numbers) {
    std::string out;
    for (const Number& n : numbers) {
        const std::string name = std::string(prefix) + n.name;
        out += "# HELP " + name + " " + n.help + "\n# TYPE " + name + " " + n.type + "\n" + name + " " + std::to_string(n.value) + "\n";
    }
    return net::Response::of(200, "text/plain; version=0.0.4", std::move(out));
}

}  // namespace undercoat::collector
