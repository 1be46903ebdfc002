// Recorded events and the state they build up, one by one, for the commands that look at single events.
#pragma once

#include "supervisor/fields/view.h"
#include "supervisor/scap/capture.h"

#include <string_view>

namespace undercoat::cli {

class Recorded {
public:
    // `capture`: the events are those of a capture, made with state().
    explicit Recorded(const fields::FieldCatalogue& catalogue, bool capture = false);

    // Applies the next event (event/json.h). Error: the line is none. Afterwards view() speaks of it if it has a type.
    Status next(std::string_view line);
    // The same with the next event of a capture. False: the end.
    Result<bool> next(scap::Capture& capture);
    state::State& state() { return state_; }
    bool has_type() const { return event_.has_type(); }
    fields::View& view() { return view_; }
    const event::Event& event() const { return event_; }

private:
    void begin();
    void apply();
    state::State state_;
    fields::Surroundings surroundings_;
    event::Event event_;
    fields::View view_;
    bool applied_ = false;
    uint64_t events_ = 0;
};

}  // namespace undercoat::cli
