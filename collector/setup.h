// What the programs `collector` and `orchestrator` do alike before they serve.
#pragma once

#include "base/result.h"

#include <cstdint>
#include <string>

namespace undercoat::collector {

// The directory, for us alone; exclusive: nobody else may serve from it until the end of this process.
Status take_directory(const std::string& path, bool exclusive);
std::string host_name();
// "ADDRESS:PORT" of --listen.
Status split_address(const std::string& text, std::string& address, uint16_t& port);
// A file's content; an empty path leaves `content` empty. Error: it holds nothing or cannot be read.
Status read_whole(const std::string& path, std::string& content);
// As many descriptors as are allowed; SIGTERM, SIGINT and SIGHUP wait for wait_for_end(). Before any thread is started.
void prepare_process();
// Until SIGTERM or SIGINT.
void wait_for_end();

}  // namespace undercoat::collector
