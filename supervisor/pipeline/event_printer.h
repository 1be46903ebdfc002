// A sink that writes each event as a JSON line, and knows nothing else: for debugging, and where no rules are wanted.
#pragma once

#include "supervisor/state/sink.h"

#include <cstdio>
#include <string>

namespace undercoat::pipeline {

class EventPrinter : public state::Sink {
public:
    explicit EventPrinter(FILE* to) : to_(to) {}
    state::Interest interest() const override { return {}; }
    void on_event(const event::Event& e, state::State& state) override;
    void commit() override { std::fflush(to_); }

private:
    FILE* to_;
    std::string line_;
};

}  // namespace undercoat::pipeline
