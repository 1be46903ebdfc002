// See unwinder.h.
#include "supervisor/stack/unwinder.h"

#include <cstdlib>
#include <cstring>
#include <optional>
#include <libunwind-x86_64.h>

// libunwind's reader of one frame description entry, which its own searchers of tables end in (not in its headers).
extern "C" int _Ux86_64_dwarf_extract_proc_info_from_fde(unw_addr_space_t, unw_accessors_t*, unw_word_t* address, unw_proc_info_t*,
                                                         unw_word_t base, int need_unwind_info, int is_debug_frame, void*);

// Of libunwind's way to go on in a frame, which lies in its library for the own process: nobody goes on in a copy.
extern "C" void _Ux86_64_setcontext() { std::abort(); }

namespace undercoat::stack {
namespace {

constexpr uint64_t kWord = 8;
constexpr uint64_t kMostScanned = 4096;  // bytes of a frame that are searched for a frame pointer

struct Registers {
    uint64_t pc, sp;
    uint64_t saved[6] = {};  // rbx, rbp, r12-r15
    bool known[6] = {};
};

int place_of(unw_regnum_t r) {
    switch (r) {
        case UNW_X86_64_RBX: return 0;
        case UNW_X86_64_RBP: return 1;
        case UNW_X86_64_R12: return 2;
        case UNW_X86_64_R13: return 3;
        case UNW_X86_64_R14: return 4;
        case UNW_X86_64_R15: return 5;
        default: return -1;
    }
}

// All that libunwind may look at.
class Space {
public:
    Space(const wire::StackHead& head, std::string_view copy, CodeMap& code) : sp_(head.sp), copy_(copy), code_(code) {
        at.pc = head.pc;
        at.sp = head.sp;
        for (int i = 0; i < 6; ++i) at.saved[i] = head.callee_saved[i], at.known[i] = head.flags & wire::kRegisters;
    }

    std::optional<uint64_t> stack_word(uint64_t address) const {
        if (address < sp_ || copy_.size() < kWord || address - sp_ > copy_.size() - kWord) return std::nullopt;
        uint64_t v;
        std::memcpy(&v, copy_.data() + (address - sp_), sizeof v);
        return v;
    }
    std::optional<uint64_t> word(uint64_t address) {
        if (++reads_ > kMostReads) return std::nullopt;
        if (const auto v = stack_word(address)) return v;
        if (address - sp_ < (1 << 24)) ran_out = true;  // the stack goes on there
        uint64_t v = 0;
        if (code_.read(address, &v, sizeof v)) return v;
        // The last bytes of a file's part are no whole word.
        for (size_t n = kWord - 1; n != 0; --n)
            if (code_.read(address, &v, n)) return v;
        return std::nullopt;
    }
    // Code that lies behind a call instruction.
    bool is_return_address(uint64_t address) {
        const CodeMap::Range* r = code_.at(address);
        if (r == nullptr || ++reads_ > kMostReads) return false;
        if (!r->file) return r->path.empty() || r->path[0] == '[';  // made at run time: nothing to compare with
        uint8_t b[8] = {};
        if (!code_.read(address - 7, b, 7)) return false;
        if (b[2] == 0xe8) return true;
        for (int i = 0; i < 6; ++i)
            if (b[i] == 0xff && (b[i + 1] & 0x38) == 0x10) return true;
        return false;
    }
    bool spent() const { return reads_ > kMostReads; }
    CodeMap& code() { return code_; }

    Registers at{};
    bool ran_out = false;

private:
    uint64_t sp_;
    std::string_view copy_;
    CodeMap& code_;
    unsigned reads_ = 0;
};

Space& space(void* arg) { return *static_cast<Space*>(arg); }

int find_proc_info(unw_addr_space_t as, unw_word_t ip, unw_proc_info_t* info, int need, void* arg);
void put_unwind_info(unw_addr_space_t, unw_proc_info_t*, void*) {}
int get_dyn_info_list(unw_addr_space_t, unw_word_t*, void*) { return -UNW_ENOINFO; }
int access_mem(unw_addr_space_t, unw_word_t address, unw_word_t* value, int write, void* arg) {
    if (write) return -UNW_EINVAL;
    const auto v = space(arg).word(address);
    if (!v) return -UNW_EINVAL;
    *value = *v;
    return 0;
}
int access_reg(unw_addr_space_t, unw_regnum_t r, unw_word_t* value, int write, void* arg) {
    const Registers& now = space(arg).at;
    if (write) return -UNW_EREADONLYREG;
    if (r == UNW_X86_64_RIP) return *value = now.pc, 0;
    if (r == UNW_X86_64_RSP) return *value = now.sp, 0;
    const int i = place_of(r);
    if (i < 0 || !now.known[i]) return -UNW_EBADREG;
    *value = now.saved[i];
    return 0;
}
int access_fpreg(unw_addr_space_t, unw_regnum_t, unw_fpreg_t*, int, void*) { return -UNW_EBADREG; }
int resume(unw_addr_space_t, unw_cursor_t*, void*) { return -UNW_EINVAL; }
int get_proc_name(unw_addr_space_t, unw_word_t, char*, size_t, unw_word_t*, void*) { return -UNW_ENOINFO; }

unw_accessors_t* accessors() {
    static unw_accessors_t a = [] {
        unw_accessors_t t{};
        t.find_proc_info = find_proc_info;
        t.put_unwind_info = put_unwind_info;
        t.get_dyn_info_list_addr = get_dyn_info_list;
        t.access_mem = access_mem;
        t.access_reg = access_reg;
        t.access_fpreg = access_fpreg;
        t.resume = resume;
        t.get_proc_name = get_proc_name;
        return t;
    }();
    return &a;
}

int find_proc_info(unw_addr_space_t as, unw_word_t ip, unw_proc_info_t* info, int need, void* arg) {
    CodeMap::Range* r = space(arg).code().at(ip);
    if (r == nullptr || !r->file || space(arg).spent()) return -UNW_ENOINFO;
    const auto entry = r->file->frame_entry(ip - r->bias);
    if (!entry) return -UNW_ENOINFO;
    *info = {};
    unw_word_t at = *entry + r->bias;
    const int failed = _Ux86_64_dwarf_extract_proc_info_from_fde(as, accessors(), &at, info, 0, need, 0, arg);
    if (failed < 0) return failed;
    return ip >= info->start_ip && ip < info->end_ip ? 0 : -UNW_ENOINFO;
}

unw_addr_space_t address_space() {
    static unw_addr_space_t as = [] {
        unw_addr_space_t made = unw_create_addr_space(accessors(), 0);
        // Another stack, another process: nothing may be remembered.
        if (made != nullptr) unw_set_caching_policy(made, UNW_CACHE_NONE);
        return made;
    }();
    return as;
}

// What the cursor knows of the frame that it stands at.
Registers registers_at(unw_cursor_t* cursor, uint64_t pc, uint64_t sp) {
    Registers r{pc, sp, {}, {}};
    constexpr int kNames[6] = {UNW_X86_64_RBX, UNW_X86_64_RBP, UNW_X86_64_R12, UNW_X86_64_R13, UNW_X86_64_R14, UNW_X86_64_R15};
    for (int i = 0; i < 6; ++i) {
        unw_word_t v = 0;
        r.known[i] = unw_get_reg(cursor, kNames[i], &v) == 0;
        r.saved[i] = v;
    }
    return r;
}

// As far as the tables lead. True: that was the end of the stack.
bool follow_tables(Space& s, Walk& walk) {
    unw_cursor_t cursor;
    if (address_space() == nullptr || unw_init_remote(&cursor, address_space(), &s) < 0) return false;
    Registers now = s.at;
    while (walk.frames.size() < kMostFrames) {
        const int step = unw_step(&cursor);
        if (step <= 0) {
            s.at = now;
            return step == 0;
        }
        unw_word_t pc = 0, sp = 0;
        if (unw_get_reg(&cursor, UNW_REG_IP, &pc) != 0 || unw_get_reg(&cursor, UNW_REG_SP, &sp) != 0) break;
        if (pc == 0) return true;
        if (sp <= now.sp || s.code().at(pc - 1) == nullptr) break;
        now = registers_at(&cursor, pc, sp);
        walk.frames.push_back({pc});
    }
    s.at = now;
    return false;
}

// A frame as functions with frame pointers make them: the caller's frame pointer and, above it, where to return to.
bool is_frame(Space& s, uint64_t address) {
    const auto next = s.stack_word(address), back = s.stack_word(address + kWord);
    if (!next || !back) return false;
    const bool upwards = *next > address && *next - address < (1 << 24) && *next % kWord == 0;
    return (upwards || *next == 0) && s.is_return_address(*back);
}

bool guess(Space& s, Walk& walk) {
    Registers& now = s.at;
    const auto leave_to = [&](uint64_t frame) {
        const uint64_t next = *s.stack_word(frame), back = *s.stack_word(frame + kWord);
        now = Registers{back, frame + 2 * kWord, {}, {}};
        now.saved[1] = next, now.known[1] = true;
        walk.frames.push_back({back, true});
        return true;
    };
    if (now.known[1] && now.saved[1] == 0) return false;  // by the ABI the outermost frame
    if (now.known[1] && now.saved[1] >= now.sp && is_frame(s, now.saved[1])) return leave_to(now.saved[1]);
    // A function that has put nothing on the stack, as those do that make system calls.
    const auto top = s.stack_word(now.sp);
    if (walk.frames.size() == 1 && top && s.is_return_address(*top)) {
        now.pc = *top;
        now.sp += kWord;
        walk.frames.push_back({now.pc, true});
        return true;
    }
    for (uint64_t at = (now.sp + kWord - 1) & ~(kWord - 1); at < now.sp + kMostScanned && !s.spent(); at += kWord)
        if (is_frame(s, at)) return leave_to(at);
    return false;
}

}  // namespace

Walk unwind(const wire::StackHead& head, std::string_view copy, CodeMap& code) {
    Walk walk;
    Space s(head, copy, code);
    walk.frames.push_back({head.pc});
    code.at(head.pc);
    bool ended = false;
    while (!ended && walk.frames.size() < kMostFrames && !s.spent()) {
        ended = follow_tables(s, walk);
        if (!ended && (walk.frames.size() >= kMostFrames || !guess(s, walk))) break;
    }
    walk.cut = !ended && (walk.frames.size() >= kMostFrames || s.spent() || (s.ran_out && (head.flags & wire::kStackCut)));
    return walk;
}

}  // namespace undercoat::stack
