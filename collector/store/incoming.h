// What stores of every kind make of what agents send.
#pragma once

#include "collector/store/progress.h"
#include "collector/store/store.h"

#include <map>
#include <tuple>

namespace undercoat::collector {

using StreamKey = std::tuple<std::string, uint64_t, uint32_t>;  // agent, epoch, stream
using Progress = std::map<StreamKey, StreamProgress>;

// `now`: nanoseconds since 1970.
AlertRecord record_of(const Incoming& from, const remote::Alert& alert, int64_t now);

}  // namespace undercoat::collector
