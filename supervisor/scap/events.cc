// Splits event blocks and joins enters with exits.
#include "supervisor/scap/events.h"

#include "supervisor/scap/params.h"

namespace undercoat::scap {
namespace {

using event::Event;
using wire::Call;

constexpr size_t kMostKept = 8192, kMostKeptBytes = 32 << 20;
constexpr uint16_t kGenericEnter = 0, kGenericExit = 1;
constexpr unsigned kMostParams = 64;

bool has_flags(BlockType t) {
    return t == BlockType::event_flags || t == BlockType::event_flags_v2 || t == BlockType::event_flags_v2_large;
}
bool has_count(BlockType t) { return t != BlockType::event && t != BlockType::event_flags; }
bool has_long_lengths(BlockType t) { return t == BlockType::event_v2_large || t == BlockType::event_flags_v2_large; }

// Reads n lengths and then as many parameters; false unless they fill the bytes to the last.
bool split(Bytes bytes, unsigned n, bool long_lengths, std::vector<Bytes>& out) {
    Cursor lengths(bytes);
    Cursor values = lengths;
    values.skip(n * (long_lengths ? sizeof(uint32_t) : sizeof(uint16_t)));
    out.clear();
    for (unsigned i = 0; i < n && values.ok(); ++i)
        out.push_back(values.take_bytes(long_lengths ? lengths.take<uint32_t>() : lengths.take<uint16_t>()));
    return values.ok() && values.left() == 0;
}

// Events of the first version do not say how many parameters they have: at most those of today, fewer if an older writer knew fewer.
bool split_uncounted(Bytes bytes, uint16_t code, std::vector<Bytes>& out) {
    const unsigned most = code < kLayoutCount ? kLayouts[code].nparams : 0;
    for (unsigned n = most + 1; n-- > 0;)
        if (split(bytes, n, false, out)) return true;
    out.clear();
    return false;
}

bool known(uint16_t code) { return code < kLayoutCount && kLayouts[code].event != wire::kNoCall; }
bool is_exit(uint16_t code) { return code % 2 != 0; }
// An enter whose exit exists says nothing by itself.
bool is_enter_of_exit(uint16_t code) { return !is_exit(code) && known(static_cast<uint16_t>(code + 1)); }

// The kernel's result, where the first parameter is one.
void take_result(Event& e) {
    if (e.nparams() == 0 || e.info().flags & event::kNotSyscall) return;
    const std::string_view name = e.info().params[0].name;
    const auto& v = e.param(0u);
    if ((name != "res" && name != "fd") || v.kind != event::ParamValue::Kind::number) return;
    e.has_result = true;
    e.result = v.number;
}

// The name that an open was called with was read at its enter, before another thread could change it: it goes first.
bool enter_goes_first(const Event& e, const LayoutParam& param, Bytes bytes) {
    const bool opens = e.is(Call::open) || e.is(Call::openat) || e.is(Call::openat2) || e.is(Call::creat);
    if (!opens || param.name != std::string_view("name")) return false;
    constexpr std::string_view kUnknown = "<NA>";
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return text.size() > 1 && text.substr(0, text.find('\0')) != kUnknown;
}

}  // namespace

bool is_event(BlockType t) {
    switch (t) {
        case BlockType::event: case BlockType::event_flags: case BlockType::event_v2: case BlockType::event_flags_v2:
        case BlockType::event_v2_large: case BlockType::event_flags_v2_large: return true;
        default: return false;
    }
}

bool parse_event(const Block& block, RawEvent& out) {
    Cursor c(block.body);
    out.cpu = c.take<uint16_t>();
    if (has_flags(block.type)) c.skip(sizeof(uint32_t));
    const size_t header = c.position();
    out.ts = c.take<uint64_t>();
    out.tid = c.take<int64_t>();
    const auto length = c.take<uint32_t>();
    out.code = c.take<uint16_t>();
    const bool counted = has_count(block.type);
    const auto count = counted ? c.take<uint32_t>() : 0;
    const size_t used = c.position() - header;
    if (!c.ok() || length < used || length - used > c.left() || count > kMostParams) return false;
    const Bytes rest = c.take_bytes(length - used);
    return counted ? split(rest, count, has_long_lengths(block.type), out.params) : split_uncounted(rest, out.code, out.params);
}

void EventReader::remember() {
    ++counters_.enters;
    Entered& to = entered_[raw_.tid];
    kept_bytes_ -= to.bytes.size();
    to.code = raw_.code;
    to.bytes.clear();
    to.params.clear();
    for (const Bytes& p : raw_.params) {
        to.params.emplace_back(to.bytes.size(), p.size());
        to.bytes.insert(to.bytes.end(), p.begin(), p.end());
    }
    kept_bytes_ += to.bytes.size();
    if (entered_.size() <= kMostKept && kept_bytes_ <= kMostKeptBytes) return;
    counters_.forgotten_enters += entered_.size();
    forget();
}

void EventReader::put_exit(Event& e, const Layout& layout) {
    for (unsigned i = 0; i < layout.nparams && i < raw_.params.size(); ++i) {
        if (layout.params[i].index < 0) continue;
        if (!set_param(e, static_cast<unsigned>(layout.params[i].index), raw_.params[i])) ++counters_.unreadable_params;
    }
}

// The parameters that the exit does not have.
void EventReader::put_enter(Event& e) {
    const auto it = entered_.find(raw_.tid);
    if (it == entered_.end()) return;
    const Entered& from = it->second;
    had_enter_ = from.code + 1 == raw_.code;
    // A generic call's parameters are numbers that name it; an event with a name has none of them.
    const bool named = from.code == kGenericEnter && e.type != kLayouts[kGenericEnter].event;
    if (had_enter_ && !named) {
        const Layout& layout = kLayouts[from.code];
        for (unsigned i = 0; i < layout.nparams && i < from.params.size(); ++i) {
            const int index = layout.params[i].index;
            const auto [offset, length] = from.params[i];
            const Bytes bytes = Bytes(from.bytes).subspan(offset, length);
            if (index < 0 || length == 0) continue;
            if (e.param(static_cast<unsigned>(index)).present() && !enter_goes_first(e, layout.params[i], bytes)) continue;
            if (!set_param(e, static_cast<unsigned>(index), bytes)) ++counters_.unreadable_params;
        }
    }
    kept_bytes_ -= from.bytes.size();
    entered_.erase(it);
}

// A call without an event of its own is named by a number of the format's, and at its enter by the kernel's, too.
uint16_t EventReader::type_of_generic() {
    const auto number = [&](size_t i) -> std::optional<uint16_t> {
        if (i >= raw_.params.size() || raw_.params[i].size() != sizeof(uint16_t)) return std::nullopt;
        return Cursor(raw_.params[i]).take<uint16_t>();
    };
    const std::optional<uint16_t> own = number(0);
    std::optional<uint16_t> native = number(1);
    if (own && native) native_numbers_[*own] = *native;
    if (own && !native)
        if (const auto it = native_numbers_.find(*own); it != native_numbers_.end()) native = it->second;
    if (native && *native < wire::kCallBy_x86_64_size && wire::kCallBy_x86_64[*native] != wire::kNoCall)
        return wire::kCallBy_x86_64[*native];
    return own && *own < kGenericCallCount ? kGenericCalls[*own] : wire::kNoCall;
}

bool EventReader::read(const Block& block, Event& e) {
    ++counters_.events;
    if (!parse_event(block, raw_)) return ++counters_.malformed, false;
    if (!known(raw_.code)) return ++counters_.unknown_codes, false;
    const uint16_t named = raw_.code == kGenericEnter || raw_.code == kGenericExit ? type_of_generic() : wire::kNoCall;
    if (is_enter_of_exit(raw_.code)) return remember(), false;
    const Layout& layout = kLayouts[raw_.code];
    e.reset(named != wire::kNoCall ? named : layout.event);
    e.ts = raw_.ts;
    e.tid = raw_.tid;
    e.cpu = static_cast<int16_t>(raw_.cpu & 0x7fff);
    e.origin = wire::Origin::capture;
    e.num = counters_.events;
    e.id.position = counters_.events;
    had_enter_ = false;
    if (named == wire::kNoCall) put_exit(e, layout);
    if (is_exit(raw_.code)) put_enter(e);
    take_result(e);
    ++counters_.calls;
    return true;
}

std::string_view EventReader::text(std::string_view name) const {
    const Layout& layout = kLayouts[raw_.code];
    for (unsigned i = 0; i < layout.nparams && i < raw_.params.size(); ++i) {
        if (name != layout.params[i].name) continue;
        const std::string_view all(reinterpret_cast<const char*>(raw_.params[i].data()), raw_.params[i].size());
        return all.substr(0, all.find('\0'));
    }
    return {};
}

}  // namespace undercoat::scap
