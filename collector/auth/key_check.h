// Which requests carry a key that is good, for the collector and the orchestrator alike.
#pragma once

#include "collector/auth/accounts.h"
#include "net/http.h"

#include <functional>
#include <variant>

namespace undercoat::collector {

net::Response json_error(unsigned status, std::string_view message);
// The key of an Authorization header: Bearer KEY, or Basic with the key as password.
std::string presented_key(const net::Request& request);
// The holder of a key with the role agent or relay that the request brings; otherwise the refusal, which is logged. A key cannot be
// guessed, so that nobody is slowed down for a wrong one: it may be another's behind the same address.
std::variant<net::Response, Accounts::Holder> agent_login(Accounts& accounts, const net::Request& request,
                                                          const std::function<void(const std::string&)>& log);

}  // namespace undercoat::collector
