// Alerts by POST to an HTTP or HTTPS address: what falcosidekick takes.
//
// Must stay true: the server's certificate and name are checked unless the settings say otherwise; each step has a deadline.
// Answers 2xx take the alert; 408, 429 and 5xx mean again; every other one refuses it for good.
#pragma once

#include "base/result.h"
#include "supervisor/outputs/channel.h"
#include "supervisor/outputs/settings.h"

namespace undercoat::outputs {

// Error: the url is none, or a certificate cannot be read.
Result<std::unique_ptr<Channel>> make_http_channel(const HttpSettings& settings, bool json);

}  // namespace undercoat::outputs
