// Setters of the event, and the descriptor that an event speaks of.
#include "supervisor/event/event.h"

namespace undercoat::event {

std::string EventId::text() const { return std::to_string(ring) + ":" + std::to_string(position); }

void Event::reset(uint16_t new_type) {
    for (unsigned i = 0; i < nparams(); ++i) params_[i] = ParamValue{};
    kind = Kind::call;
    type = new_type;
    id = {};
    num = ts = 0;
    pid = tid = 0;
    origin = wire::Origin::scan;
    cpu = -1;
    inferred = result_unknown = unreadable = foreign_abi = history = has_result = false;
    result = 0;
    captured = Captured{};
    memory_.reset();
}

const ParamValue& Event::param(std::string_view name) const {
    static const ParamValue kMissing{};
    const int i = has_type() ? find_param(info(), name) : -1;
    return i < 0 ? kMissing : params_[i];
}

void Event::set_empty(unsigned i) {
    params_[i] = ParamValue{};
    params_[i].kind = ParamValue::Kind::empty;
}

void Event::set_number(unsigned i, int64_t v) {
    params_[i] = ParamValue{};
    params_[i].kind = ParamValue::Kind::number;
    params_[i].number = v;
}

void Event::set_text(unsigned i, std::string_view v) {
    params_[i] = ParamValue{};
    params_[i].kind = ParamValue::Kind::text;
    params_[i].text = memory_.copy(v);
}

void Event::set_bytes(unsigned i, std::string_view v) {
    set_text(i, v);
    params_[i].kind = ParamValue::Kind::bytes;
}

void Event::set_address(unsigned i, const Address& v) {
    params_[i] = ParamValue{};
    params_[i].kind = ParamValue::Kind::address;
    Address own = v;
    own.path = memory_.copy(v.path);
    params_[i].address = memory_.copy(own);
}

void Event::set_tuple(unsigned i, const Tuple& v) {
    params_[i] = ParamValue{};
    params_[i].kind = ParamValue::Kind::tuple;
    Tuple own = v;
    own.source.path = memory_.copy(v.source.path);
    own.destination.path = memory_.copy(v.destination.path);
    params_[i].tuple = memory_.copy(own);
}

void Event::set_fds(unsigned i, std::span<const PolledFd> v) {
    set_bytes(i, {reinterpret_cast<const char*>(v.data()), v.size_bytes()});
    params_[i].kind = ParamValue::Kind::fds;
    params_[i].fds = reinterpret_cast<const PolledFd*>(params_[i].text.data());
}

EventFd event_fd(const Event& e) {
    if (!e.has_type()) return {};
    const EventInfo& info = e.info();
    if (!(info.flags & (kFdUses | kFdCreates | kFdDestroys))) return {};
    // The result is the new descriptor where the first parameter says so, or where the call is known to return one.
    if (info.flags & kFdCreates && info.nparams > 0) {
        const bool result_is_fd = info.params[0].type == ParamType::FD;
        if (result_is_fd || find_param(info, "fd1") < 0) {
            if (e.param(0).kind == ParamValue::Kind::number) return {true, e.param(0).number};
            return {e.has_result, e.result};
        }
        return {true, e.param("fd2").number};  // of a pair, the one that was made last
    }
    for (const char* name : {"fd", "dirfd", "linkdirfd", "olddirfd", "mountfd", "fd_in", "fdin", "out_fd"}) {
        const ParamValue& p = e.param(name);
        if (p.kind == ParamValue::Kind::number) return {true, p.number};
    }
    return {};
}

}  // namespace undercoat::event
