// Reads events line by line and runs them through state and sink.
#include "supervisor/pipeline/replay.h"

#include "supervisor/event/json.h"
#include "supervisor/scap/capture.h"

#include <fstream>

namespace undercoat::pipeline {
namespace {

using MakeSink = std::function<std::unique_ptr<state::Sink>(state::State&)>;
using Say = std::function<void(const std::string&)>;

int replay_capture(const std::string& file, state::Options options, const MakeSink& make_sink, const Say& log) {
    state::State state(scap::capture_options(std::move(options)));
    auto capture = scap::Capture::open(file, state);
    if (!capture) return log(capture.error()), 1;
    const std::unique_ptr<state::Sink> sink = make_sink(state);
    event::Event e;
    int status = 0;
    for (;;) {
        const Result<bool> more = (*capture)->next(e);
        if (!more) log(more.error()), status = 1;
        if (!more || !*more) break;
        state.apply(e);
        sink->on_event(e, state);
        state.finish();
    }
    if (const std::string complaints = (*capture)->complaints(); !complaints.empty()) log(complaints);
    sink->stop();
    return status;
}

}  // namespace

int replay(const std::string& file, state::Options options, const MakeSink& make_sink, const Say& log) {
    if (scap::is_capture(file)) return replay_capture(file, std::move(options), make_sink, log);
    std::ifstream in(file);
    if (!in) {
        log("'" + file + "' cannot be read.");
        return 1;
    }
    options.read_proc = false;  // the numbers are of another time
    state::State state(std::move(options));
    const std::unique_ptr<state::Sink> sink = make_sink(state);
    event::Event e;
    int status = 0;
    uint64_t number = 0, events = 0;
    for (std::string line; std::getline(in, line);) {
        ++number;
        if (line.empty()) continue;
        if (Status s = event::parse_json(line, e); !s) {
            log(file + ":" + std::to_string(number) + ": " + s.error());
            status = 1;
            continue;
        }
        if (e.id.position == 0 && e.id.ring == 0) e.id.position = number;
        state.apply(e);
        if (e.has_type()) e.num = ++events;
        sink->on_event(e, state);
        state.finish();
    }
    sink->stop();
    return status;
}

}  // namespace undercoat::pipeline
