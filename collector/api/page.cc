// See page.h.
#include "collector/api/page.h"

#include "collector/api/routes.h"

namespace undercoat::collector {

net::Response page_answer(std::string_view path) {
    const bool a_view = path.substr(path.rfind('/')).find('.') == path.npos;
    const std::string_view wanted = a_view ? "/index.html" : path;
    for (const PageFile& file : page_files()) {
        if (file.path != wanted) continue;
        net::Response r = net::Response::of(200, std::string(file.type), std::string(file.content));
        r.headers.emplace_back("Cache-Control", "no-cache");
        return r;
    }
    return json_error(404, "there is nothing here");
}

void harden(net::Response& r) {
    r.headers.emplace_back("Content-Security-Policy",
                           "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
                           "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'");
    r.headers.emplace_back("X-Content-Type-Options", "nosniff");
    r.headers.emplace_back("X-Frame-Options", "DENY");
    r.headers.emplace_back("Referrer-Policy", "no-referrer");
    r.headers.emplace_back("Cross-Origin-Opener-Policy", "same-origin");
    r.headers.emplace_back("Cross-Origin-Resource-Policy", "same-origin");
    for (const auto& header : r.headers)
        if (header.first == "Cache-Control") return;
    r.headers.emplace_back("Cache-Control", "no-store");
}

}  // namespace undercoat::collector
