// Runs a classic BPF program over seccomp data as the kernel would: where there is no seccomp(2), and in the tests of filters.
//
// Must stay true: anything the kernel's verifier refuses (a load out of bounds, a jump out of the program or backwards, an
// unknown instruction, no return) is an error here.
#pragma once

#include <cstring>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <optional>
#include <vector>

namespace undercoat::instrument {

// The action, or nothing when the program is not valid on this path.
inline std::optional<uint32_t> evaluate(const std::vector<sock_filter>& program, const seccomp_data& data) {
    uint32_t a = 0;
    for (size_t at = 0; at < program.size();) {
        const sock_filter& i = program[at++];
        const auto jump = [&](bool taken) { at += taken ? i.jt : i.jf; };
        switch (i.code) {
            case BPF_LD | BPF_W | BPF_ABS:
                if (i.k % 4 != 0 || i.k + 4 > sizeof data) return std::nullopt;
                memcpy(&a, reinterpret_cast<const char*>(&data) + i.k, 4);
                break;
            case BPF_JMP | BPF_JA: at += i.k; break;
            case BPF_JMP | BPF_JEQ | BPF_K: jump(a == i.k); break;
            case BPF_JMP | BPF_JGT | BPF_K: jump(a > i.k); break;
            case BPF_JMP | BPF_JGE | BPF_K: jump(a >= i.k); break;
            case BPF_JMP | BPF_JSET | BPF_K: jump((a & i.k) != 0); break;
            case BPF_RET | BPF_K: return i.k;
            default: return std::nullopt;
        }
    }
    return std::nullopt;
}

}  // namespace undercoat::instrument
