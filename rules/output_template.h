// The output format of a rule: literal text with %fields.
//
// "%proc.name" is the longest name of a field that the text starts with; "%10proc.name" pads or cuts to ten bytes;
// "%toupper(proc.name)" applies a transformer; a leading "*" prints <NA> for missing values instead of giving up.
// Must stay true: a template is immutable and may be used by several threads at once; rendering is for alerts, so it
// may allocate. Escaping for the line or JSON around it is the caller's.
#pragma once

#include "rules/catalogue.h"
#include "rules/vm/program.h"

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace undercoat::rules {

struct OutputError {
    std::string message;
    size_t offset = 0;
    bool unknown_name = false;
};

class OutputTemplate {
public:
    static std::variant<OutputTemplate, OutputError> parse(std::string_view format, const Catalogue& catalogue);

    struct Rendered {
        std::string text;
        bool complete = true;  // false: a value was missing and the text ends there (only without the leading "*")
    };
    Rendered render(EventView& event) const;

    // key: as written in the format, without width. A missing value has kind none; a field of mode any_of is one text.
    // Values live as long as the event and the arena.
    struct Field {
        std::string key;
        Value value;
    };
    // Sorted by key, each key once. with_transformed: also the transformer calls, beside the fields inside them.
    std::vector<Field> fields(EventView& event, Arena& arena, bool with_transformed = true) const;

    // The plain fields that the format reads.
    const std::vector<FieldRef>& field_refs() const { return field_refs_; }

private:
    struct Part {
        std::string literal;  // used if operation is no_operation
        uint32_t operation = Check::no_operation;
        size_t width = 0;  // 0: as long as it is
    };
    struct Key {
        std::string key;
        uint32_t operation;
        bool transformed;
    };
    class Parser;

    std::vector<Part> parts_;
    std::vector<Key> keys_;
    std::vector<FieldRef> field_refs_;
    std::shared_ptr<const Program> program_;
    bool continue_on_missing_ = false;
};

}  // namespace undercoat::rules
