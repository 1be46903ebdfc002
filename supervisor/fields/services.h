// Names of well-known ports, from /etc/services as it was at the first question, else from a short list of our own.
#pragma once

#include <cstdint>
#include <string_view>

namespace undercoat::fields {

// "https" for 443; "" where the port has no name. Thread-safe; never calls into the name service of the image.
std::string_view service_name(uint16_t port, bool udp);

}  // namespace undercoat::fields
