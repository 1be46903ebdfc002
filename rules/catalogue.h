// The one interface through which the rule language knows fields and events.
//
// The implementer (the supervisor's fields, or a test) offers a Catalogue: which fields and event types exist, and
// how a field name with its argument becomes a FieldRef. While rules run, it offers one EventView per event, which
// extracts values for those FieldRefs.
// Must stay true: a Catalogue never changes after construction and may be used by several threads; spans and strings
// that it returns live as long as it does; a FieldRef works with every EventView of the Catalogue that made it.
#pragma once

#include "base/result.h"
#include "rules/arena.h"
#include "rules/value.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace undercoat::rules {

// The type decides which operators a field takes, how a literal beside it is read, and how it prints. The comment names
// the Value kind that extract() returns for it.
enum class FieldType : uint8_t {
    boolean,                                  // boolean
    int8, int16, int32, int64,                // i64
    uint8, uint16, uint32, uint64,            // u64; a negative literal wraps at this width
    port,                                     // u64; literals may be service names
    flags, mode,                              // u64, the raw number; field text such as "O_RDWR" is of type text
    reltime, abstime,                         // u64, nanoseconds
    real,                                     // real
    text,                                     // text; any bytes, not necessarily UTF-8
    path,                                     // text; prints and compares like text
    bytes,                                    // bytes
    ip,                                       // ip
    net,                                      // ip: the address that is tested against the network of the rule
    dynamic,                                  // only in FieldInfo: resolve() puts the type that the argument decides
};

// How one comparison treats a field that extracts several values.
enum class MatchMode : uint8_t {
    scalar,       // one value; a FieldInfo with is_list: a list, compared by the list operators only
    any_of,       // a list; true if any element satisfies the comparison (bare proc.aname)
    either_side,  // a list of one or two; `!=` must hold for all, every other operator for any (fd.ip, fd.port, fd.net)
    host_name,    // text (the cached reverse name), or ip where none is known: then listed names are looked up through
                  // EventView::name_has_address (fd.sip.name)
};

enum class ArgumentUse : uint8_t { none, allowed, required };

struct FieldInfo {
    std::string_view name;  // "proc.aname", without argument
    FieldType type = FieldType::text;
    bool is_list = false;
    ArgumentUse argument = ArgumentUse::none;
    bool argument_index = false;  // the argument may be a number
    bool argument_key = false;    // the argument may be text
    bool dotted_argument = false;  // the form evt.arg.NAME is allowed; NAME is one of Catalogue::event_arguments()
    bool no_rhs = false;           // not inside val() or a transformer on the right
    bool no_transformer = false;
    bool filter_only = false;
    bool print_only = false;
    bool deprecated = false;
    bool by_type = false;  // the value, or that there is none, is the same on all events of one type
    MatchMode bare_mode = MatchMode::scalar;  // the mode where no argument is given
    std::string_view description;
};

// A field with its argument, ready for extraction. Made by Catalogue::resolve; the rules copy it freely.
struct FieldRef {
    const FieldInfo* info = nullptr;
    FieldType type = FieldType::text;  // never dynamic
    MatchMode mode = MatchMode::scalar;
    bool is_list = false;
    // The next three belong to the implementer. By convention field is its index in Catalogue::fields(), index the
    // numeric argument or the number of an event argument's name, key any other argument.
    uint32_t field = 0;
    int64_t index = -1;
    std::string key;
    std::string text;  // as written, "proc.aname[2]" or "evt.arg.flags"; filled by find_field
};

using EventTypeId = uint16_t;

class Catalogue {
public:
    virtual ~Catalogue() = default;

    virtual std::span<const FieldInfo> fields() const = 0;
    // The names allowed after "evt.arg." and "evt.rawarg.": those of all event types.
    virtual std::span<const std::string_view> event_arguments() const = 0;
    // Index = EventTypeId. Names are unique; every system call name is one, also without parameters of its own.
    virtual std::span<const std::string_view> event_types() const = 0;
    // The event source that rules may name; rules of any other are skipped with a warning.
    virtual std::string_view source() const { return "syscall"; }

    // Precondition: info is one of fields(), and the argument's presence and form are as info allows. Error: this
    // argument does not exist ("unknown event argument 'x'") or is out of range.
    virtual Result<FieldRef> resolve(const FieldInfo& info, std::optional<std::string_view> argument) const = 0;
};

class EventView {
public:
    virtual ~EventView() = default;

    virtual EventTypeId type() const = 0;
    // Kind none where the field has no value on this event. With mode any_of and either_side: a list, or none. May be
    // called again for the same field; the rules keep values for the length of one event.
    virtual Value extract(const FieldRef& field, Arena& arena) = 0;
    // The value as outputs show it, where that differs from the compared one. A list of a field that is_list prints as
    // (a,b), one of mode any_of as "a b"; numbers print in decimal; text as it is.
    virtual Value output_value(const FieldRef& field, Arena& arena) { return extract(field, arena); }
    // Whether this host name is known to resolve to this address. Must not block.
    virtual bool name_has_address(std::string_view name, const IpAddress& address) {
        (void)name;
        (void)address;
        return false;
    }
};

// Splits and resolves a field as written in a condition ("proc.aname" with argument "2", "evt.arg.flags" without). The
// error says whether the field is unknown, the argument is missing, not allowed or of the wrong form.
struct FieldError {
    std::string message;
    bool unknown_field = false;  // the name (or event argument name) does not exist, so skip-if-unknown-filter applies
};
std::variant<FieldRef, FieldError> find_field(const Catalogue& catalogue, std::string_view name,
                                              std::optional<std::string_view> argument);

// Length of the longest prefix of text that names a field, with ".NAME" of an event argument where that form is
// allowed; 0 if there is none. The bracketed argument is not looked at.
size_t longest_field_prefix(const Catalogue& catalogue, std::string_view text);

std::optional<EventTypeId> find_event_type(const Catalogue& catalogue, std::string_view name);

// The known name nearest to what was written, or empty if none is near enough to be worth showing.
std::string nearest_name(std::string_view written, std::span<const std::string_view> known);

}  // namespace undercoat::rules
