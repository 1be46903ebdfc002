// See control.h.
#include "supervisor/instrument/control.h"

#include <cerrno>

#include "base/descriptor_message.h"

namespace undercoat::instrument {

bool send_control(int socket, const ControlMessage& message, int fd) {
    return send_with_descriptors(socket, &message, sizeof message, &fd, fd >= 0);
}

int receive_control(int socket, ControlMessage& message, int* fd, bool wait) {
    UniqueFd got;
    *fd = -1;
    const ssize_t r = receive_with_descriptor(socket, &message, sizeof message, got, wait ? 0 : MSG_DONTWAIT);
    if (r < 0) return errno == EAGAIN ? -1 : 0;
    if (r != static_cast<ssize_t>(sizeof message)) return 0;
    *fd = got.release();
    return 1;
}

}  // namespace undercoat::instrument
