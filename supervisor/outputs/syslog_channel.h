// Alerts to a syslog daemon, RFC 5424: over its unix socket, UDP (RFC 5426) or TCP (RFC 6587, counted octets).
#pragma once

#include "supervisor/outputs/channel.h"
#include "supervisor/outputs/settings.h"

#include "base/result.h"

namespace undercoat::outputs {

// Error: the address is none.
Result<std::unique_ptr<Channel>> make_syslog_channel(const SyslogSettings& settings, std::string hostname);

// "<PRI>1 TIME HOST undercoat PID alert - TEXT", without a line break. PRI has the facility user.
std::string syslog_text(const Message& message, const std::string& hostname);

}  // namespace undercoat::outputs
