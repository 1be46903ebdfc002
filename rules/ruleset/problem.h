// Errors and warnings of loading rules, with their place.
//
// Must stay true: codes and the shape of the report are Falco's, so that tools that read them work; lines and columns
// count from 1; a problem always names its file.
#pragma once

#include "rules/code.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace undercoat::rules {

// A place in a file.
struct Position {
    uint32_t file = 0;  // index of the file in the order of loading
    size_t line = 1, column = 1;
    size_t offset = 0;  // bytes
};

struct Location {
    std::string item_type;  // "rule", "macro condition" ...
    std::string item_name;  // may be empty
    Position position;
};

struct Problem {
    Code code = Code::err_validate;
    std::string message;
    std::vector<Location> locations;  // from the whole file to the exact place
    std::string snippet;              // lines of the file, with a ^ below the place
};

}  // namespace undercoat::rules
