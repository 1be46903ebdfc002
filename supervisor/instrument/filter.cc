// Layout of the program: architecture, then one comparison per listed number in a binary search, then the blocks that
// the numbers jump to. Must stay true: conditional jumps only ever skip one or two instructions; all long ways are JA
// with 32-bit offsets, so no table can outgrow the 8-bit fields.
#include "supervisor/instrument/filter.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <map>
#include <span>
#include <string_view>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "wire/local/handover.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_FILTER_FLAG_TSYNC_ESRCH
#define SECCOMP_FILTER_FLAG_TSYNC_ESRCH (1UL << 4)
#endif

namespace undercoat::instrument {
namespace {

using wire::ArgKind;
using wire::CallInfo;
using wire::Tier;
using wire::When;

constexpr uint32_t kCloneUntraced = 0x00800000;
constexpr uint32_t kBelowMappings = 0x6fff;  // upper half of an address: what is higher was placed by mmap, such as dynamic loaders
constexpr uint32_t kSigurg = 23;
constexpr uint32_t kDupfd = 0, kDupfdCloexec = 1030, kSetOwn = 8, kSetOwnEx = 15;

constexpr uint32_t offset_nr = offsetof(seccomp_data, nr), offset_arch = offsetof(seccomp_data, arch);
constexpr uint32_t offset_ip = offsetof(seccomp_data, instruction_pointer);
constexpr uint32_t arg_low(unsigned i) { return offsetof(seccomp_data, args) + 8 * i; }
constexpr uint32_t arg_high(unsigned i) { return arg_low(i) + 4; }

// Places that a jump can name. Blocks are keyed by their condition.
struct Place {
    enum Kind { allow, trap, gadget, by_when, i386, x86_64 } kind = allow;
    When when = When::always;
    Tier tier = Tier::trap;
    auto operator<=>(const Place&) const = default;
};

class Assembler {
public:
    void load(uint32_t offset) { emit(BPF_LD | BPF_W | BPF_ABS, offset); }
    void ret(uint32_t action) { emit(BPF_RET | BPF_K, action); }
    void go(const Place& p) {
        jumps_.emplace_back(code_.size(), p);
        emit(BPF_JMP | BPF_JA, 0);
    }
    // A == k: on to `p`; else falls through. The next three alike.
    void if_equal(uint32_t k, const Place& p) { branch(BPF_JEQ, k, p, true); }
    void if_not_equal(uint32_t k, const Place& p) { branch(BPF_JEQ, k, p, false); }
    void if_above(uint32_t k, const Place& p) { branch(BPF_JGT, k, p, true); }
    void if_bits(uint32_t k, const Place& p) { branch(BPF_JSET, k, p, true); }
    void place(const Place& p) { places_[p] = code_.size(); }
    bool placed(const Place& p) const { return places_.count(p) != 0; }
    // A >= k jumps to what is emitted after the matching `end_at_least`.
    size_t at_least(uint32_t k) {
        code_.push_back({BPF_JMP | BPF_JGE | BPF_K, 0, 1, k});
        emit(BPF_JMP | BPF_JA, 0);
        return code_.size() - 1;
    }
    void end_at_least(size_t at) { code_[at].k = static_cast<uint32_t>(code_.size() - at - 1); }

    std::vector<sock_filter> finish() {
        for (auto& [at, p] : jumps_) code_[at].k = static_cast<uint32_t>(places_.at(p) - at - 1);
        return std::move(code_);
    }
    std::vector<Place> wanted() const {
        std::vector<Place> v;
        for (auto& [at, p] : jumps_)
            if (!placed(p) && std::find(v.begin(), v.end(), p) == v.end()) v.push_back(p);
        return v;
    }

private:
    void emit(unsigned code, uint32_t k) { code_.push_back({static_cast<uint16_t>(code), 0, 0, k}); }
    void branch(unsigned op, uint32_t k, const Place& p, bool when_true) {
        code_.push_back({static_cast<uint16_t>(BPF_JMP | op | BPF_K), static_cast<uint8_t>(when_true ? 0 : 1),
                         static_cast<uint8_t>(when_true ? 1 : 0), k});
        go(p);
    }
    std::vector<sock_filter> code_;
    std::vector<std::pair<size_t, Place>> jumps_;
    std::map<Place, size_t> places_;
};

constexpr Place kAllow{Place::allow}, kTrap{Place::trap}, kGadget{Place::gadget};

Place place_of(const CallInfo& c) {
    if (c.when == When::always || c.when == When::dirfd) return c.tier == Tier::gadget ? kGadget : kTrap;
    return {Place::by_when, c.when, c.tier};
}

bool trappable(const CallInfo& c) { return c.tier == Tier::gadget || c.tier == Tier::trap; }

using Numbers = std::vector<std::pair<uint32_t, Place>>;

// A holds the number. Emits the binary search over [first, last).
void search(Assembler& a, Numbers::const_iterator first, Numbers::const_iterator last) {
    if (last - first <= 3) {
        for (; first != last; ++first) a.if_equal(first->first, first->second);
        a.go(kAllow);
        return;
    }
    auto middle = first + (last - first) / 2;
    const size_t right = a.at_least(middle->first);
    search(a, first, middle);
    a.end_at_least(right);
    search(a, middle, last);
}

// What to do once the condition asks for a trap, or not: gadget calls that are not forced go by the instruction pointer.
void by_when(Assembler& a, const Place& p, const FilterSpec& spec) {
    const Place otherwise = p.tier == Tier::gadget ? kGadget : kAllow;
    switch (p.when) {
        case When::arg4_nonzero: {
            const Place hit = p.tier == Tier::gadget ? kGadget : kTrap;
            a.load(arg_low(4)), a.if_not_equal(0, hit);
            a.load(arg_high(4)), a.if_not_equal(0, hit);
            return a.go(kAllow);
        }
        case When::arg0_nonzero:
            a.load(arg_low(0)), a.if_not_equal(0, p.tier == Tier::gadget ? kGadget : kTrap);
            return a.go(kAllow);
        case When::arg1_nonzero:
            a.load(arg_low(1)), a.if_not_equal(0, p.tier == Tier::gadget ? kGadget : kTrap);
            return a.go(kAllow);
        case When::arg1_std:
            a.load(arg_low(1)), a.if_above(2, kAllow);
            return a.go(kTrap);
        case When::fcntl_listed:
            a.load(arg_low(1)), a.if_equal(kSetOwn, kTrap), a.if_equal(kSetOwnEx, kTrap);
            a.load(arg_low(2)), a.if_above(2, kAllow);
            a.load(arg_low(1)), a.if_equal(kDupfd, kTrap), a.if_equal(kDupfdCloexec, kTrap);
            return a.go(kAllow);
        case When::kill:
            a.load(arg_low(0)), a.if_equal(static_cast<uint32_t>(-1), kTrap);
            for (int32_t pid : spec.protected_pids) {
                a.if_equal(static_cast<uint32_t>(pid), kTrap);
                a.if_equal(static_cast<uint32_t>(-pid), kTrap);
            }
            return a.go(otherwise);
        case When::urgent:
            a.load(arg_low(1)), a.if_equal(kSigurg, kGadget);
            return a.go(kTrap);
        case When::prctl_listed:
            a.load(arg_low(0));
            for (int64_t option : wire::kPrctlTrapped) a.if_equal(static_cast<uint32_t>(option), kTrap);
            return a.go(kAllow);
        case When::clone_untraced:
            a.load(arg_low(0)), a.if_bits(kCloneUntraced, kTrap);
            return a.go(kAllow);
        case When::low_code:
            a.load(offset_ip + 4), a.if_above(kBelowMappings, kAllow);
            return a.go(kTrap);
        case When::always: case When::dirfd: break;
    }
    a.go(kTrap);
}

uint32_t held(const FilterSpec& spec) { return spec.action == TrapAction::notify ? SECCOMP_RET_USER_NOTIF : SECCOMP_RET_TRACE; }

void block(Assembler& a, const Place& p, const FilterSpec& spec) {
    a.place(p);
    switch (p.kind) {
        case Place::allow: return a.ret(SECCOMP_RET_ALLOW);
        case Place::trap: return a.ret(held(spec));
        case Place::gadget:
            if (!spec.gadget) return a.ret(held(spec));
            a.load(offset_ip), a.if_not_equal(static_cast<uint32_t>(wire::kGadgetReturn), kTrap);
            a.load(offset_ip + 4), a.if_not_equal(static_cast<uint32_t>(wire::kGadgetReturn >> 32), kTrap);
            return a.go(kAllow);
        default: return by_when(a, p, spec);
    }
}

}  // namespace

uint16_t captured_call(uint64_t nr) {
    const uint16_t c = wire::call_by_nr(nr);
    return c != wire::kNoCall && wire::captured(wire::kCalls[c]) ? c : wire::kNoCall;
}

uint16_t captured_call_i386(uint64_t nr) {
    const uint16_t c = wire::call_by_nr_i386(nr);
    if (c == wire::kNoCall || wire::captured(wire::kCalls[c])) return c;
    std::string_view name = wire::kCalls[c].name;
    if (!name.ends_with("32") && !name.ends_with("64")) return wire::kNoCall;
    name.remove_suffix(2);
    for (uint16_t i = 0; i < wire::kCallCount; ++i)
        if (name == wire::kCalls[i].name) return wire::captured(wire::kCalls[i]) ? i : wire::kNoCall;
    return wire::kNoCall;
}

std::vector<sock_filter> build_filter(const FilterSpec& spec) {
    Numbers native, compat;
    for (uint32_t nr = 0; nr < wire::kCallBy_x86_64_size; ++nr)
        if (uint16_t c = captured_call(nr); c != wire::kNoCall && trappable(wire::kCalls[c]))
            native.emplace_back(nr, place_of(wire::kCalls[c]));
    // The i386 entry has no gadget, and its conditions are left to the trap: such programs are rare.
    for (uint32_t nr = 0; nr < wire::kCallBy_i386_size; ++nr) {
        const uint16_t c = captured_call_i386(nr);
        if (nr == kSocketcallNr || (c != wire::kNoCall && trappable(wire::kCalls[c]))) {
            Place p = c == wire::kNoCall ? kTrap : place_of(wire::kCalls[c]);
            compat.emplace_back(nr, p.kind == Place::by_when && p.tier == Tier::trap ? p : kTrap);
        }
    }
    Assembler a;
    a.load(offset_arch);
    a.if_equal(AUDIT_ARCH_I386, {Place::i386});
    a.if_not_equal(AUDIT_ARCH_X86_64, kTrap);
    a.load(offset_nr);
    a.if_above(kX32Bit - 1, kTrap);
    search(a, native.begin(), native.end());
    a.place({Place::i386});
    a.load(offset_nr);
    search(a, compat.begin(), compat.end());
    // Jumps only go forward: conditions first, then what they lead to.
    for (const Place& p : a.wanted())
        if (p.kind == Place::by_when) block(a, p, spec);
    for (const Place& p : {kGadget, kTrap, kAllow}) block(a, p, spec);
    return a.finish();
}

namespace {

long try_install(const sock_fprog& prog, unsigned long flags, bool& no_new_privs) {
    long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
    if (r < 0 && errno == EACCES && !no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0) {
        no_new_privs = true;
        r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
    }
    return r;
}

}  // namespace

Installed install_filter(const std::vector<sock_filter>& program, TrapAction action) {
    const sock_fprog prog{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
    constexpr unsigned long kListener[] = {
        SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH |
            SECCOMP_FILTER_FLAG_SPEC_ALLOW | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
        SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH |
            SECCOMP_FILTER_FLAG_SPEC_ALLOW,
        SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW,
        SECCOMP_FILTER_FLAG_NEW_LISTENER,
    };
    constexpr unsigned long kTraced[] = {SECCOMP_FILTER_FLAG_SPEC_ALLOW, 0};
    const bool notify = action == TrapAction::notify;
    Installed r;
    for (unsigned long flags : notify ? std::span<const unsigned long>(kListener) : std::span<const unsigned long>(kTraced)) {
        const long got = try_install(prog, flags, r.no_new_privs);
        if (got >= 0) {
            r.there = true;
            r.listener = notify ? static_cast<int>(got) : -1;
            r.error = 0;
            return r;
        }
        r.error = errno;
        if (r.error != EINVAL) return r;
    }
    return r;
}

}  // namespace undercoat::instrument
