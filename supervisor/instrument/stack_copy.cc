// See stack_copy.h.
#include "supervisor/instrument/stack_copy.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

#include "base/unique_fd.h"
#include "supervisor/instrument/target.h"
#include "wire/local/stack.h"

namespace undercoat::instrument {
namespace {

using wire::Tag;

constexpr size_t kMostMaps = 128 * 1024;  // bytes of maps that are looked through

// Appends entries until there is no room.
class CodeList {
public:
    // False: full.
    bool add(const CodeLine& l) {
        const size_t name = std::min<size_t>(l.name_length, 512);
        wire::CodeRange r{l.start, l.end, l.offset, l.ino, l.major, l.minor, static_cast<uint16_t>(name), {}};
        if (sizeof bytes - size < sizeof r + name) return false;
        memcpy(bytes + size, &r, sizeof r);
        memcpy(bytes + size + sizeof r, l.name, name);
        size += sizeof r + name;
        return true;
    }
    uint8_t bytes[wire::kMaxCodeCopy];
    size_t size = 0;
};

// False: there is more than fits.
bool read_code(pid_t tid, CodeList& list) {
    const UniqueFd fd(open_proc(tid, "maps", O_RDONLY));
    char text[8192];
    size_t have = 0, total = 0;
    while (fd && total < kMostMaps) {
        const ssize_t n = read(fd.get(), text + have, sizeof text - have);
        if (n <= 0) return true;
        have += static_cast<size_t>(n);
        total += static_cast<size_t>(n);
        size_t at = 0;
        while (const void* end = memchr(text + at, '\n', have - at)) {
            const size_t length = static_cast<size_t>(static_cast<const char*>(end) - (text + at));
            CodeLine line;
            if (parse_code_line(text + at, length, line) && !list.add(line)) return false;
            at += length + 1;
        }
        if (at == 0 && have == sizeof text) return false;  // a line that long is none of ours
        memmove(text, text + at, have - at);
        have -= at;
    }
    return false;
}

}  // namespace

uint64_t parse_stack_pointer(const char* text) {
    // "number arg0 … arg5 sp pc", or "-1 sp pc" outside of a call, or "running".
    char* at = const_cast<char*>(text);
    const long number = strtol(at, &at, 10);
    if (at == text) return 0;
    for (int i = 0; number >= 0 && i < 6; ++i) strtoull(at, &at, 16);
    return strtoull(at, nullptr, 16);
}

bool parse_code_line(const char* line, size_t n, CodeLine& out) {
    // "start-end rwxp offset major:minor inode   name"
    char head[128];
    const size_t size = std::min(n, sizeof head - 1);
    memcpy(head, line, size);
    head[size] = 0;
    char* at = head;
    out.start = strtoull(at, &at, 16);
    if (*at != '-') return false;
    out.end = strtoull(at + 1, &at, 16);
    if (*at != ' ' || strlen(at) < 6 || at[3] != 'x') return false;
    out.offset = strtoull(at + 6, &at, 16);
    out.major = static_cast<uint32_t>(strtoul(at, &at, 16));
    if (*at != ':') return false;
    out.minor = static_cast<uint32_t>(strtoul(at + 1, &at, 16));
    out.ino = strtoull(at, &at, 10);
    size_t name = static_cast<size_t>(at - head);
    while (name < n && line[name] == ' ') ++name;
    out.name = line + name;
    out.name_length = n - name;
    return out.start < out.end;
}

void put_stack(const HeldCall& c, uint64_t pc, wire::PayloadWriter& out) {
    char text[256];
    text[read_proc(c.tid, "syscall", text, sizeof text - 1)] = 0;
    struct {
        wire::StackHead head;
        uint8_t bytes[wire::kMaxStackCopy];
    } stack;
    stack.head = {};
    stack.head.pc = pc;
    stack.head.sp = parse_stack_pointer(text);
    size_t got = 0;
    if (stack.head.sp == 0 || read_memory(c.tid, stack.head.sp, stack.bytes, sizeof stack.bytes, &got) != Read::ok) return;
    CodeList code;
    if (!read_code(c.tid, code)) stack.head.flags |= wire::kCodeCut;
    if (got == sizeof stack.bytes) stack.head.flags |= wire::kStackCut;
    out.put(Tag::stack, 0, &stack, sizeof stack.head + got);
    out.put(Tag::code, 0, code.bytes, code.size);
}

}  // namespace undercoat::instrument
