// Host names to socket addresses, in a static program.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <string>

namespace undercoat::outputs {

// A connected socket of this type (SOCK_STREAM or SOCK_DGRAM), tried on every address of the name; sends give up after the
// given time.
Result<UniqueFd> connect_to(const std::string& host, const std::string& port, int type, int timeout_ms);
// The same for a unix socket; of the type that it has.
Result<UniqueFd> connect_unix(const std::string& path, int& type, int timeout_ms);

}  // namespace undercoat::outputs
