// What Falco's http_output and falcosidekick post: one alert as JSON.
//
// Must stay true: any bytes are safe; a payload that is none is refused with a half sentence that says why; values keep their
// JSON types.
#pragma once

#include "base/result.h"
#include "wire/remote/messages.h"

#include <string_view>

namespace undercoat::collector {

inline constexpr size_t kMaxPayload = 256 * 1024;

// Keys: rule, priority, output, time, hostname, source, tags, output_fields; uuid and others become context.
Result<remote::Alert> parse_falco_payload(std::string_view body);

}  // namespace undercoat::collector
