// The name of an agent or a relay, which it keeps.
#pragma once

#include <string>

namespace undercoat::uplink {

// 32 hexadecimal digits: kept in the file `agent` of the directory, or made anew. An empty directory name: made anew.
std::string agent_id(const std::string& directory);

}  // namespace undercoat::uplink
