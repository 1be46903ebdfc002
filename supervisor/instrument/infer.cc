// See infer.h: chooses the part that knows the call.
#include "supervisor/instrument/infer.h"

#include <cerrno>
#include <fcntl.h>

namespace undercoat::instrument {
namespace {

using wire::ArgKind;
using wire::Call;

bool has(const HeldCall& c, ArgKind kind) {
    for (unsigned i = 0; i < c.info().nargs; ++i)
        if (c.info().args[i] == kind) return true;
    return false;
}

Verdict open_family(const Question& q, Call call) {
    const HeldCall& c = q.call;
    const char* path = q.captured.paths[0].text;
    switch (call) {
        case Call::open: return infer_open(q.view, AT_FDCWD, path, c.args[1]);
        case Call::creat: return infer_open(q.view, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC);
        case Call::openat: return infer_open(q.view, c.as_int(0), path, c.args[2]);
        default: return infer_open(q.view, c.as_int(0), path, q.open_flags);
    }
}

}  // namespace

Verdict infer(const Question& q) {
    const auto call = static_cast<Call>(q.call.call);
    if (q.captured.flags & wire::kUnreadable) return unknown_result();
    if (q.captured.bad_pointer) return inferred_error(EFAULT);
    if (q.captured.too_long) return inferred_error(ENAMETOOLONG);
    for (const auto& p : q.captured.paths)
        if (p.cut) return unknown_result();  // between our limit and the kernel's: not looked at
    if (has(q.call, ArgKind::path)) {
        for (unsigned i = 0; i < q.call.info().nargs; ++i)
            if (q.call.info().args[i] == ArgKind::path && q.call.args[i] == 0 && call != Call::mount)
                return inferred_error(EFAULT);
    }
    switch (call) {
        case Call::open: case Call::creat: case Call::openat: case Call::openat2: return open_family(q, call);
        case Call::socket: case Call::bind: case Call::connect: case Call::listen: case Call::accept: case Call::accept4:
        case Call::sendto: return infer_socket_call(q);
        default: break;
    }
    if (const Verdict v = infer_path_call(q); v.known) return v;
    return infer_process_call(q);
}

}  // namespace undercoat::instrument
