// One field: its description and how its value is taken from an event and the state.
//
// Each class of fields has one file with one table of Field. Must stay true: an extractor only reads; its result points
// into the event, the state or the arena; whatever is not known is Value(), never an invented value.
#pragma once

#include "rules/catalogue.h"
#include "supervisor/state/state.h"

#include <charconv>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace undercoat::fields {

using rules::Arena;
using rules::ArgumentUse;
using rules::FieldInfo;
using rules::FieldRef;
using rules::FieldType;
using rules::MatchMode;
using rules::Value;
using state::FdInfo;
using state::Thread;

class FileHashes;

// What stays the same for all events of one run.
struct Surroundings {
    std::string hostname;
    uint64_t first_ts = 0;  // of the first event
    uint64_t last_ts = 0;   // of the event before this one
    std::map<std::string, std::string, std::less<>> static_fields;  // "static.NAME" to its value
    std::shared_ptr<FileHashes> hashes;  // null: files are not there any more (replay)
    // thread.stack of an event whose process has this number in its own name space; "" where there is none. Null: nobody can tell.
    std::function<std::string_view(const event::Event&, int64_t vpid)> stack;
};

// Everything an extractor may look at.
struct Access {
    const event::Event& event;
    state::State& state;
    const state::Context& context;
    const Thread* thread;
    const Surroundings& surroundings;
    const FieldRef& ref;
    Arena& arena;
    bool& varied;  // set when the value depends on when the event came, not on what it is

    // The event's time and number. Extractors take them from here only: an event whose fields never asked for them has the
    // same verdict when it comes again.
    uint64_t ts() const { return varied = true, event.ts; }
    uint64_t num() const { return varied = true, event.num; }

    Value copy(std::string_view text) const { return Value::text(arena.copy(text)); }
    Value number_text(int64_t n) const { return Value::text(decimal(n)); }
    std::string_view decimal(int64_t n) const {
        char* to = static_cast<char*>(arena.allocate(24, 1));
        return {to, static_cast<size_t>(std::to_chars(to, to + 24, n).ptr - to)};
    }
};

using Extractor = Value (*)(const Access&);

struct Field {
    FieldInfo info;
    Extractor extract;

    constexpr Field(std::string_view name, FieldType type, Extractor e, std::string_view doc) : info{}, extract(e) {
        info.name = name;
        info.type = type;
        info.description = doc;
    }
    constexpr Field list() const { return with([](FieldInfo& i) { i.is_list = true; }); }
    constexpr Field index(ArgumentUse use = ArgumentUse::allowed) const {
        Field f = *this;
        f.info.argument = use;
        f.info.argument_index = true;
        return f;
    }
    constexpr Field key(ArgumentUse use = ArgumentUse::allowed) const {
        Field f = *this;
        f.info.argument = use;
        f.info.argument_key = true;
        return f;
    }
    constexpr Field dotted() const { return with([](FieldInfo& i) { i.dotted_argument = true; }); }
    constexpr Field mode(MatchMode m) const {
        Field f = *this;
        f.info.bare_mode = m;
        return f;
    }
    constexpr Field no_rhs() const { return with([](FieldInfo& i) { i.no_rhs = true; }); }
    constexpr Field no_transformer() const { return with([](FieldInfo& i) { i.no_transformer = true; }); }
    constexpr Field filter_only() const { return with([](FieldInfo& i) { i.filter_only = true; }); }
    constexpr Field print_only() const { return with([](FieldInfo& i) { i.print_only = true; }); }
    constexpr Field by_type() const { return with([](FieldInfo& i) { i.by_type = true; }); }
    constexpr Field deprecated() const { return with([](FieldInfo& i) { i.deprecated = true; }); }

private:
    constexpr Field with(void (*change)(FieldInfo&)) const {
        Field f = *this;
        change(f.info);
        return f;
    }
};

// A field that is known, so that rules load, but that cannot be known here: it never has a value.
Value unavailable(const Access&);

// The tables, in the order of the catalogue.
std::span<const Field> event_fields();
std::span<const Field> process_fields();
std::span<const Field> thread_fields();
std::span<const Field> user_fields();
std::span<const Field> fd_fields();
std::span<const Field> fspath_fields();
std::span<const Field> fdlist_fields();
std::span<const Field> container_fields();
std::span<const Field> own_fields();

}  // namespace undercoat::fields
