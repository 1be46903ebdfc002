// A request and its answer, as the server hands them to its user.
//
// Must stay true: everything in a Request was chosen by whoever is on the other side; header names are matched without
// regard to case; a target that does not parse never becomes a Request.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace undercoat::net {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Request {
    std::string method;   // "GET"; "OTHER" for one that is not known
    std::string path;     // percent-decoded, begins with "/"
    std::string query;    // behind "?", still encoded
    Headers headers;
    std::string body;
    std::string peer;     // the address without its port; empty on a unix socket
    bool tls = false;

    // The first header of that name; empty: there is none.
    std::string_view header(std::string_view name) const;
    // The cookie of that name.
    std::string_view cookie(std::string_view name) const;
};

struct Response {
    unsigned status = 200;
    Headers headers;
    std::string body;
    static Response of(unsigned status, std::string type, std::string body);
};

// Percent-decoding; nullopt where it is malformed or gives a NUL.
std::optional<std::string> percent_decoded(std::string_view text, bool plus_is_blank);
// Splits "/path?query" into the Request. False: it is no such thing, or longer than 8192 bytes.
bool parse_target(std::string_view target, Request& request);
// name=value pairs of a query or of a form's body, decoded; what does not decode is left out. At most 100.
std::vector<std::pair<std::string, std::string>> parse_pairs(std::string_view query);

bool equal_ignoring_case(std::string_view a, std::string_view b);

}  // namespace undercoat::net
