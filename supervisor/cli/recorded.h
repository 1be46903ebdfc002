// Recorded events and the state they build up, one by one, for the commands that look at single events.
#pragma once

#include "supervisor/fields/view.h"

#include <string_view>

namespace undercoat::cli {

class Recorded {
public:
    explicit Recorded(const fields::FieldCatalogue& catalogue);

    // Applies the next event (event/json.h). Error: the line is none. Afterwards view() speaks of it if it has a type.
    Status next(std::string_view line);
    bool has_type() const { return event_.has_type(); }
    fields::View& view() { return view_; }
    const event::Event& event() const { return event_; }

private:
    state::State state_;
    fields::Surroundings surroundings_;
    event::Event event_;
    fields::View view_;
    bool applied_ = false;
    uint64_t events_ = 0;
};

}  // namespace undercoat::cli
