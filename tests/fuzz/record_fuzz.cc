// Arbitrary bytes as records, one after the other, through decoding and state: no input may crash, hang or grow it.
#include "supervisor/event/decode.h"
#include "supervisor/event/json.h"
#include "supervisor/state/state.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

using namespace undercoat;

namespace {

state::Options options() {
    state::Options o;
    o.read_proc = false;
    o.limits.threads = 64;
    o.limits.fds = 256;
    return o;
}

void one(state::State& s, event::Event& e, const uint8_t* bytes, size_t n) {
    const wire::RecordView record(bytes, n);
    if (!record.valid()) return;
    const int64_t owner = record.header().origin == static_cast<uint8_t>(wire::Origin::shim) ? 7 : 0;
    if (event::decode(record, nullptr, {{1, 1}, owner, 1}, e) != event::DecodeStatus::ok) return;
    s.apply(e);
    if (e.has_type())
        for (unsigned i = 0; i < e.nparams(); ++i) (void)s.context().path(i);
    std::string json;
    event::append_json(e, json);
    event::Event again;
    if (const Status status = event::parse_json(json, again); !status) {
        std::fprintf(stderr, "%s\n%s\n", status.error().c_str(), json.c_str());
        std::abort();
    }
    s.finish();
    if (s.thread_count() > 64) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    state::State s(options());
    event::Event e;
    // Each record is preceded by its length.
    while (size > 2) {
        size_t n = static_cast<size_t>(data[0] | data[1] << 8);
        data += 2, size -= 2;
        if (n > size) n = size;
        one(s, e, data, n);
        data += n, size -= n;
    }
    return 0;
}
