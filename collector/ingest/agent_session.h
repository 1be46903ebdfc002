// The WebSocket of an agent or a relay.
//
// Must stay true: the first message says who it is; an acknowledgement goes out only after the commit; whatever is sent, the
// worst that happens is that this connection is closed with a reason, and counted.
#pragma once

#include "collector/ingest/writer.h"
#include "net/server.h"
#include "wire/remote/codec.h"

#include <set>

namespace undercoat::collector {

struct AgentService {  // what all sessions share; the server's thread, but for the counters
    Writer& writer;
    Agents& agents;
    std::function<void(const std::string&)> log;
    std::string server_name;
    uint32_t heartbeat_seconds = 30;
    remote::Codec codec;
    std::atomic<uint64_t> bad_frames{0};
    std::atomic<uint64_t> sessions{0};
};

std::unique_ptr<net::SocketHandler> make_agent_session(std::shared_ptr<AgentService> service, std::shared_ptr<net::Socket> socket,
                                                       std::string peer);

}  // namespace undercoat::collector
