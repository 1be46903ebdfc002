// Names of flag and enumeration values, by the tables of wire/local/flags.toml.
//
// Must stay true: rendering follows the order of the table and never allocates beyond the Arena; a value without any
// named part renders as the empty text, and the caller then shows the number.
#pragma once

#include "rules/arena.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace undercoat::fields {

struct FlagName {
    std::string_view name;
    uint32_t value;
};

struct FlagTable {
    std::string_view name;
    std::span<const FlagName> entries;
};

// Generated (flag_names.gen.cc).
extern const FlagTable kFlagTables[];
extern const size_t kFlagTableCount;

// The table a parameter's detail names, or null.
const FlagTable* find_flag_table(std::string_view name);

// "A|B": names in table order; each match takes its bits away from the value. The value 0 is the entry of value 0, if any.
std::string_view flags_text(const FlagTable& table, uint64_t value, rules::Arena& arena);

// "A|B": all names whose value is equal (AF_LOCAL|AF_UNIX).
std::string_view enum_text(const FlagTable& table, uint64_t value, rules::Arena& arena);

// "CAP_CHOWN CAP_KILL": the capabilities of a set in the order of their bits.
std::string_view capabilities_text(uint64_t set, rules::Arena& arena);

// "ENOENT" for 2, "" where the number has no name. Static memory.
std::string_view errno_name(int64_t number);
// "SIGKILL" for 9, "" where the number has no name.
std::string_view signal_name(int64_t number, rules::Arena& arena);

}  // namespace undercoat::fields
