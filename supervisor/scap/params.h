// Parameters of a capture's event as those of our events.
#pragma once

#include "supervisor/event/event.h"
#include "supervisor/scap/cursor.h"

namespace undercoat::scap {

// Sets parameter i from its bytes. Bytes that do not fit the parameter's type leave it missing; returns whether they fitted.
bool set_param(event::Event& e, unsigned i, Bytes bytes);

}  // namespace undercoat::scap
