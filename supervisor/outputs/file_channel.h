// Alerts as lines in a file or on a stream.
#pragma once

#include "supervisor/outputs/channel.h"

namespace undercoat::outputs {

std::unique_ptr<Channel> make_file_channel(std::string path);
// fd stays the caller's.
std::unique_ptr<Channel> make_stream_channel(int fd);

}  // namespace undercoat::outputs
