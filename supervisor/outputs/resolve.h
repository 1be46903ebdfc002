// Host names to socket addresses, in a static program.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

#include <string>

namespace undercoat::outputs {

// Makes name look-ups use /etc/hosts and DNS only: anything else in the image's nsswitch.conf would load the image's
// modules into us. Before the first look-up; more calls do no harm.
void limit_name_services();

// A connected socket of this type (SOCK_STREAM or SOCK_DGRAM), tried on every address of the name; sends give up after the
// given time.
Result<UniqueFd> connect_to(const std::string& host, const std::string& port, int type, int timeout_ms);
// The same for a unix socket; of the type that it has.
Result<UniqueFd> connect_unix(const std::string& path, int& type, int timeout_ms);

}  // namespace undercoat::outputs
