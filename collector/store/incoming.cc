// See incoming.h.
#include "collector/store/incoming.h"

#include "collector/query/alert_view.h"

#include <algorithm>

#include <boost/json.hpp>

namespace undercoat::collector {
namespace {

// A stored text must be a JSON object: it becomes part of other JSON.
std::string object_text(const std::string& text) {
    ShortLived memory;
    return parse_bounded(text, memory.storage()).is_object() ? text : "{}";
}

}  // namespace

AlertRecord record_of(const Incoming& from, const remote::Alert& a, int64_t now) {
    AlertRecord r;
    // Times that cannot be are the agent's mistake; they would spread over all files.
    r.time_ns = a.time_ns == 0 || a.time_ns > static_cast<uint64_t>(now) + 86'400'000'000'000
                    ? now
                    : static_cast<int64_t>(a.time_ns);
    r.received_ns = now;
    r.severity = std::min(a.severity, 7U);
    r.rule = a.rule, r.source = a.source, r.hostname = a.hostname, r.agent = from.agent, r.message = a.message;
    boost::json::array tags;
    for (const std::string& tag : a.tags) tags.emplace_back(tag);
    r.tags = boost::json::serialize(tags);
    r.fields = object_text(a.fields);
    r.context = object_text(a.context);
    return r;
}

}  // namespace undercoat::collector
