// What init and the trap process tell each other, over a SOCK_SEQPACKET pair.
#pragma once

#include <cstdint>

namespace undercoat::instrument {

enum class ControlKind : uint32_t {
    up = 1,     // to init: the trap process serves; text: its meeting place, or empty
    ready,      // to init: the supervisor's rules are loaded
    listener,   // to the trap process: descriptor of the listener; value: the workload's first pid
    no_filter,  // to the trap process: preload mode; value: that pid
    trace,      // to the trap process: be the tracer of process `value`; text[0]: 1 at every call, 0 where a filter says so
    seized,     // to init, and from it to the workload's child: value: 0, or the errno of why not
    wants_tracer,  // from the workload's child to init: it is to be traced; value: 1 at every call
    traced,     // the same: it is, and its filter is there
    ended,      // to the trap process: the first process has ended; value: 1 when all others will, too
    drained,    // to init: everything that happened before is written out; value: 1 when the trap process ends now
};
struct ControlMessage {
    ControlKind kind;
    int32_t value = 0;
    char text[108] = {};
};
// Blocks; the other side always reads. Descriptor -1: none.
bool send_control(int socket, const ControlMessage& message, int fd = -1);
// 1: received (fd or -1 in *fd), 0: the other side is gone, -1: nothing yet.
int receive_control(int socket, ControlMessage& message, int* fd, bool wait);

}  // namespace undercoat::instrument
