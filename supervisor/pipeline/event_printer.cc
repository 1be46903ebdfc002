// Writes events as JSON lines.
#include "supervisor/pipeline/event_printer.h"

#include "supervisor/event/json.h"

namespace undercoat::pipeline {

void EventPrinter::on_event(const event::Event& e, state::State&) {
    line_.clear();
    event::append_json(e, line_);
    line_.push_back('\n');
    std::fwrite(line_.data(), 1, line_.size(), to_);
}

}  // namespace undercoat::pipeline
