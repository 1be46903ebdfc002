// The text of a call stack: what the field thread.stack holds.
//
// Must stay true: the same bytes and files give the same text; files and names that were read are kept. Not thread-safe.
#pragma once

#include "supervisor/stack/names.h"
#include "supervisor/stack/unwinder.h"

namespace undercoat::stack {

class Reader {
public:
    // "function+0xoffset (module) <- …", the innermost first, "<-?" before a frame that was guessed, "<- ..." at the end where
    // there are more. "" where there is no stack. `stack`: wire::StackHead and bytes; `code`: wire::CodeRange entries; `vpid`: the
    // process' number in its own name space.
    std::string text(int64_t pid, uint32_t vpid, std::string_view stack, std::string_view code);

private:
    std::string describe(const Frame& f, CodeMap& code, int64_t pid, uint32_t vpid);
    FileCache files_;
    PerfMaps perf_maps_;
};

}  // namespace undercoat::stack
