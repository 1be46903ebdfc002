// Arbitrary bytes as a capture, through its lists and events into the state: no input may crash, hang or grow it.
//
// The seeds are captures that the tests' own writer makes: before the first run they are put into the first corpus directory.
#include "supervisor/event/json.h"
#include "supervisor/scap/capture.h"
#include "tests/support/capture_writer.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>

using namespace undercoat;

namespace {

constexpr size_t kThreads = 64;

std::string with_lists_of(unsigned version) {
    test::CaptureWriter w;
    w.section().processes(version, {{}, {9, 9, 1, "sh", "/bin/sh", "", "/", "cpu=/docker/" + std::string(64, 'a')}, {10, 9, 1}});
    const unsigned events = version % 3 + 1;
    constexpr unsigned kCodes = 48;  // a seed is to stay under the length that the fuzzer allows
    for (auto code = static_cast<uint16_t>((version - 1) * kCodes); code < version * kCodes; ++code)
        w.event(events, code, 9, {test::bytes_of(int64_t{3}), test::text_param("/x"), test::bytes_of(uint32_t{1})}, version % 2 != 0);
    return w.bytes;
}

state::Options options() {
    state::Options o;
    o.limits.threads = kThreads;
    o.limits.fds = 256;
    return scap::capture_options(o);
}

}  // namespace

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
    for (int i = 1; i < *argc; ++i) {
        const std::string directory = (*argv)[i];
        if (directory.starts_with("-")) continue;
        std::ofstream(directory + "/seed-sample", std::ios::binary) << test::sample_capture();
        for (unsigned version = 1; version <= 9; ++version)
            std::ofstream(directory + "/seed-" + std::to_string(version), std::ios::binary) << with_lists_of(version);
        break;
    }
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    state::State s(options());
    scap::Capture capture(scap::Input::of({data, size}), "input", s);
    event::Event e;
    std::string json;
    for (;;) {
        const Result<bool> more = capture.next(e);
        if (!more && more.error().rfind("input:", 0) != 0) std::abort();
        if (!more || !*more) break;
        s.apply(e);
        for (unsigned i = 0; i < e.nparams(); ++i) (void)s.context().path(i);
        json.clear();
        event::append_json(e, json);
        event::Event again;
        if (const Status status = event::parse_json(json, again); !status) {
            std::fprintf(stderr, "%s\n%s\n", status.error().c_str(), json.c_str());
            std::abort();
        }
        s.finish();
        if (s.thread_count() > kThreads) std::abort();
    }
    (void)capture.complaints();
    return 0;
}
