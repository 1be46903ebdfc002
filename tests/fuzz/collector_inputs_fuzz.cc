// What strangers send to the collector over HTTP: Falco's payload, targets, queries, filters, credentials.
#include "collector/auth/secrets.h"
#include "collector/ingest/falco_payload.h"
#include "collector/json.h"
#include "collector/query/filter.h"
#include "net/http.h"

using namespace undercoat;
using namespace undercoat::collector;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const std::string text(reinterpret_cast<const char*>(data + 1), size - 1);
    net::Request request;
    int64_t time = 0;
    AlertRecord record;
    switch (data[0] % 4) {
        case 0:
            if (const auto alert = parse_falco_payload(text)) {
                record.rule = alert->rule, record.message = alert->message;
                record.tags = "[]", record.fields = alert->fields, record.context = alert->context;
                std::string json;
                append_json(record, json);
                if (!parse_bounded(record.fields).is_object() || !boost::json::parse(json).is_object())
                    __builtin_trap();
                (void)terms_of(record);
            }
            break;
        case 1:
            if (net::parse_target(text, request)) (void)net::parse_pairs(request.query);
            request.headers = {{"Cookie", text}};
            (void)request.cookie("a");
            break;
        case 2: {
            const auto filter = Filter::compile(text);
            if (const auto* f = std::get_if<0>(&filter)) {
                record.tags = R"(["a"])",
                record.fields = R"({"proc.name":"a","proc.aname[2]":"b","fd.sip":"1.2.3.4","n":5})",
                record.context = "{}";
                (void)FilterRun(*f).matches(record);
            }
            break;
        }
        default:
            (void)parse_time(text, time);
            (void)base64_decoded(text);
            (void)harmless(text);
    }
    return 0;
}
