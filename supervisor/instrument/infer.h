// The result of a call, derived before it runs: afterwards an O_EXCL, unlink, mkdir or rename would look the other way round.
//
// Must stay true: "unknown" is an answer and costs nothing; an inferred error is one that the kernel would give for what can
// be seen now. Looks only, changes nothing.
#pragma once

#include "supervisor/instrument/capture.h"
#include "supervisor/instrument/exec_cache.h"
#include "supervisor/instrument/view.h"

namespace undercoat::instrument {

struct Verdict {
    int64_t result = 0;
    bool known = false;
    uint8_t flags() const { return known ? wire::kInferred : wire::kResultUnknown; }
};
inline Verdict unknown_result() { return {}; }
inline Verdict inferred(int64_t result) { return {result, true}; }
inline Verdict inferred_error(int error) { return {-error, true}; }
inline Verdict inferred_fd() { return {wire::kInferredFd, true}; }

// What a call is about besides its paths.
struct SocketFacts {
    bool known = false;
    bool is_socket = false, bad_descriptor = false;
    bool non_blocking = false;
    int family = 0, type = 0;
};

struct Question {
    const HeldCall& call;
    const Captured& captured;
    const View& view;
    SocketFacts socket;
    uint64_t open_flags = 0;  // of openat2, from its struct open_how
};

Verdict infer(const Question& q);

// The parts, by kind of call.
Verdict infer_open(const View& v, int directory, const char* path, uint64_t flags);
// `trail`: gets the files that the verdict rests on; may be nullptr.
Verdict infer_exec(const View& v, int directory, const char* path, int flags, Found* found, ExecTrail* trail = nullptr);
Verdict infer_path_call(const Question& q);    // mkdir, unlink, rename, chmod …
Verdict infer_socket_call(const Question& q);
Verdict infer_process_call(const Question& q); // ids, name spaces, modules, signals, dup

}  // namespace undercoat::instrument
