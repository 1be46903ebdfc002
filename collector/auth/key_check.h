// Which requests carry a key that is good, for the collector and the orchestrator alike.
#pragma once

#include "collector/auth/accounts.h"
#include "net/http.h"

#include <functional>
#include <optional>

namespace undercoat::collector {

net::Response json_error(unsigned status, std::string_view message);
// The key of an Authorization header: Bearer KEY, or Basic with the key as password.
std::string presented_key(const net::Request& request);
// Nothing: the request brings a key with the role agent. Otherwise the refusal, which is counted against the address and logged.
std::optional<net::Response> agent_refusal(Accounts& accounts, const net::Request& request,
                                           const std::function<void(const std::string&)>& log);

}  // namespace undercoat::collector
