// See recorded.h.
#include "supervisor/cli/recorded.h"

#include "supervisor/event/json.h"

namespace undercoat::cli {
namespace {

// The process numbers are of another time.
state::Options without_proc() {
    state::Options o;
    o.read_proc = false;
    return o;
}

}  // namespace

Recorded::Recorded(const fields::FieldCatalogue& catalogue, bool capture)
    : state_(capture ? scap::capture_options({}) : without_proc()), view_(catalogue, state_, surroundings_) {}

void Recorded::begin() {
    if (applied_) state_.finish();
    applied_ = false;
    if (surroundings_.first_ts == 0) surroundings_.first_ts = event_.ts;
    surroundings_.last_ts = event_.ts;
}

void Recorded::apply() {
    state_.apply(event_);
    applied_ = true;
    if (event_.has_type()) view_.set(event_);
}

Result<bool> Recorded::next(scap::Capture& capture) {
    begin();
    Result<bool> more = capture.next(event_);
    if (more && *more) apply();
    else event_.reset();
    return more;
}

Status Recorded::next(std::string_view line) {
    begin();
    if (Status s = event::parse_json(line, event_); !s) {
        event_.reset();
        return s;
    }
    if (event_.has_type()) event_.num = ++events_;
    apply();
    return Unit{};
}

}  // namespace undercoat::cli
