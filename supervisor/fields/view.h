// The fields of one event, for rules and outputs.
//
// Must stay true: a View is valid between State::apply and State::finish of its event; it only reads the state.
#pragma once

#include "supervisor/fields/catalogue.h"

namespace undercoat::fields {

// Answers whether a host name belongs to an address, without blocking: what is not known yet is false.
class HostNames {
public:
    virtual ~HostNames() = default;
    virtual bool belongs(std::string_view name, const rules::IpAddress& address) = 0;
};

class View : public rules::EventView {
public:
    View(const FieldCatalogue& catalogue, state::State& state, Surroundings& surroundings, HostNames* names = nullptr)
        : catalogue_(catalogue), state_(state), surroundings_(surroundings), names_(names) {}

    // The event that the state has just applied. Precondition: it has a type.
    void set(const event::Event& e) { event_ = &e, varied_ = false; }
    // Whether a field extracted since set() depends on when the event came: its time, its number, names learnt meanwhile.
    bool varied() const { return varied_; }

    rules::EventTypeId type() const override { return event_->type; }
    Value extract(const FieldRef& field, Arena& arena) override;
    // Texts with control bytes and invalid UTF-8 made harmless; buffers as printable text; of fields that mean any
    // ancestor, all of them in one text.
    Value output_value(const FieldRef& field, Arena& arena) override;
    bool name_has_address(std::string_view name, const rules::IpAddress& address) override;

private:
    Value run(const FieldRef& field, Extractor from, Arena& arena);

    const FieldCatalogue& catalogue_;
    state::State& state_;
    Surroundings& surroundings_;
    HostNames* names_;
    const event::Event* event_ = nullptr;
    bool varied_ = false;
};

}  // namespace undercoat::fields
