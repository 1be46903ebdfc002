// See falco_payload.h. The format: the keys of Falco's JSON output.
#include "collector/ingest/falco_payload.h"

#include "base/utf8.h"
#include "collector/record.h"

#include <boost/json.hpp>

namespace undercoat::collector {
namespace {

namespace json = boost::json;

std::string text_of(const json::object& o, const char* name, size_t limit) {
    const auto* v = o.if_contains(name);
    if (!v || !v->is_string()) return "";
    return std::string(utf8_prefix({v->get_string().data(), v->get_string().size()}, limit));
}

// "12:00:00.123456789: Warning Message" without its beginning.
std::string without_prefix(const std::string& output, std::string_view priority) {
    const size_t at = output.find(": ");
    if (at == output.npos || at > 40) return output;
    const std::string_view rest = std::string_view(output).substr(at + 2);
    if (!rest.starts_with(priority) || rest.size() <= priority.size() || rest[priority.size()] != ' ') return output;
    return std::string(rest.substr(priority.size() + 1));
}

}  // namespace

Result<remote::Alert> parse_falco_payload(std::string_view body) {
    if (body.size() > kMaxPayload) return Error{"the payload is too large"};
    json::parse_options options;
    options.max_depth = 8;
    boost::system::error_code error;
    const json::value value = json::parse({body.data(), body.size()}, error, {}, options);
    if (error) return Error{"the payload is no JSON: " + error.message()};
    if (!value.is_object()) return Error{"the payload is no JSON object"};
    const json::object& o = value.get_object();
    remote::Alert a;
    a.rule = text_of(o, "rule", remote::kMaxName);
    if (a.rule.empty()) return Error{"the payload has no text 'rule'"};
    const std::string priority = text_of(o, "priority", 64);
    if (!parse_priority(priority, a.severity)) return Error{"the payload has no 'priority' of Falco's"};
    a.message = without_prefix(text_of(o, "output", remote::kMaxText), priority);
    a.hostname = text_of(o, "hostname", remote::kMaxName);
    a.source = text_of(o, "source", remote::kMaxName);
    int64_t time = 0;
    if (parse_time(text_of(o, "time", 64), time) && time > 0) a.time_ns = static_cast<uint64_t>(time);
    if (const auto* tags = o.if_contains("tags"); tags && tags->is_array())
        for (const auto& tag : tags->get_array())
            if (tag.is_string() && tag.get_string().size() <= remote::kMaxName && a.tags.size() < remote::kMaxPairs)
                a.tags.emplace_back(tag.get_string());
    const auto* fields = o.if_contains("output_fields");
    a.fields = fields && fields->is_object() ? json::serialize(*fields) : "{}";
    json::object rest;
    for (const auto& pair : o)
        if (const auto key = pair.key(); key != "rule" && key != "priority" && key != "output" && key != "hostname" &&
                                         key != "source" && key != "time" && key != "tags" && key != "output_fields")
            rest[key] = pair.value();
    a.context = json::serialize(rest);
    if (a.fields.size() > remote::kMaxText || a.context.size() > remote::kMaxText)
        return Error{"the payload's fields are too large"};
    return a;
}

}  // namespace undercoat::collector
