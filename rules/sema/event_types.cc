// Which event types can make a condition true, see event_types.h.
#include "rules/sema/event_types.h"

#include <bit>
#include <charconv>

namespace undercoat::rules {
namespace {

class Inference {
public:
    Inference(const Catalogue& catalogue, const MacroOutcome& of_macro)
        : catalogue_(catalogue), of_macro_(of_macro), universe_(catalogue.event_types().size()) {}

    EventTypeOutcome infer(const Node& node) const {
        switch (node.kind) {
            case Node::Kind::macro: return of_macro_(node.name);
            case Node::Kind::comparison: return comparison(node);
            case Node::Kind::negation: {
                EventTypeOutcome inner = infer(*node.children.front());
                std::swap(inner.can_be_true, inner.can_be_false);
                return inner;
            }
            case Node::Kind::all:
            case Node::Kind::any: break;
        }
        EventTypeOutcome out = infer(*node.children.front());
        for (size_t i = 1; i < node.children.size(); ++i) {
            EventTypeOutcome next = infer(*node.children[i]);
            if (node.kind == Node::Kind::all) {
                out.can_be_true &= next.can_be_true;
                out.can_be_false |= next.can_be_false;
            } else {
                out.can_be_true |= next.can_be_true;
                out.can_be_false &= next.can_be_false;
            }
        }
        return out;
    }

private:
    EventTypeSet all() const { return EventTypeSet(universe_, true); }
    EventTypeSet none() const { return EventTypeSet(universe_); }

    EventTypeOutcome comparison(const Node& node) const {
        if (node.left.kind == Operand::Kind::field && !node.left.argument) {
            if (node.left.text == "evt.type") return event_type(node);
            if (node.left.text == "evt.num") return event_number(node);
        }
        return {all(), all()};
    }

    EventTypeOutcome event_type(const Node& node) const {
        if (node.op == Operator::exists) return {all(), none()};
        bool equal = node.op == Operator::eq || node.op == Operator::eq2, unequal = node.op == Operator::ne;
        if (node.op != Operator::in && !equal && !unequal) return {all(), all()};
        if (unequal && node.modifier != Modifier::none) return {all(), all()};
        EventTypeSet named = none();
        auto add = [&](const Operand& value) {
            if (auto id = find_event_type(catalogue_, value.text)) named.insert(*id);
        };
        if (node.right.kind == Operand::Kind::text) add(node.right);
        else if (node.right.kind == Operand::Kind::list)
            for (const Operand& item : node.right.items) add(item);
        else return {all(), all()};
        if (node.modifier != Modifier::none) return {named, all()};
        EventTypeSet others = named.complement();
        return unequal ? EventTypeOutcome{others, named} : EventTypeOutcome{named, others};
    }

    // Events are counted from 1, so comparisons that only a smaller number satisfies are false on every event.
    EventTypeOutcome event_number(const Node& node) const {
        const Operand& right = node.right;
        if (node.modifier != Modifier::none) return {all(), all()};
        auto is = [&](std::string_view number) {
            return (right.kind == Operand::Kind::text || right.kind == Operand::Kind::number) && right.text == number;
        };
        bool never = false, always = false;
        switch (node.op) {
            case Operator::eq:
            case Operator::eq2: never = is("0"); break;
            case Operator::ne: always = is("0"); break;
            case Operator::lt: never = is("0") || is("1"); break;
            case Operator::le: never = is("0"); break;
            case Operator::gt: always = is("0"); break;
            case Operator::ge: always = is("0") || is("1"); break;
            case Operator::in:
                never = right.kind == Operand::Kind::list;
                for (const Operand& item : right.items) never = never && item.text == "0";
                break;
            default: break;
        }
        if (never) return {none(), all()};
        if (always) return {all(), none()};
        return {all(), all()};
    }

    const Catalogue& catalogue_;
    const MacroOutcome& of_macro_;
    size_t universe_;
};

}  // namespace

EventTypeSet::EventTypeSet(size_t universe, bool full)
    : universe_(universe), words_((universe + 63) / 64, full ? ~uint64_t{0} : 0) {
    if (full && universe % 64 != 0) words_.back() = (uint64_t{1} << (universe % 64)) - 1;
}

size_t EventTypeSet::count() const {
    size_t n = 0;
    for (uint64_t w : words_) n += static_cast<size_t>(std::popcount(w));
    return n;
}

std::vector<EventTypeId> EventTypeSet::to_vector() const {
    std::vector<EventTypeId> out;
    for (size_t t = 0; t < universe_; ++t)
        if (contains(static_cast<EventTypeId>(t))) out.push_back(static_cast<EventTypeId>(t));
    return out;
}

EventTypeSet& EventTypeSet::operator|=(const EventTypeSet& o) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] |= o.words_[i];
    return *this;
}

EventTypeSet& EventTypeSet::operator&=(const EventTypeSet& o) {
    for (size_t i = 0; i < words_.size(); ++i) words_[i] &= o.words_[i];
    return *this;
}

EventTypeSet EventTypeSet::complement() const {
    EventTypeSet out(universe_, true);
    for (size_t i = 0; i < words_.size(); ++i) out.words_[i] &= ~words_[i];
    return out;
}

EventTypeOutcome infer_event_types(const Node& node, const Catalogue& catalogue, const MacroOutcome& of_macro) {
    return Inference(catalogue, of_macro).infer(node);
}

}  // namespace undercoat::rules
