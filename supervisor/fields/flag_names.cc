// Rendering of numbers as names, see flag_names.h.
#include "supervisor/fields/flag_names.h"

#include <cstring>
#include <string.h>
#include <unordered_map>

namespace undercoat::fields {
namespace {

// Joins names with a separator into Arena memory of the right size, in two passes over the same choice.
template <class ForEach>
std::string_view join(ForEach for_each, char separator, rules::Arena& arena) {
    size_t size = 0;
    for_each([&](std::string_view name) { size += name.size() + 1; });
    if (size == 0) return {};
    char* begin = static_cast<char*>(arena.allocate(size, 1));
    char* at = begin;
    for_each([&](std::string_view name) {
        if (at != begin) *at++ = separator;
        std::memcpy(at, name.data(), name.size());
        at += name.size();
    });
    return {begin, static_cast<size_t>(at - begin)};
}

constexpr std::string_view kCapabilities[] = {
    "CAP_CHOWN",           "CAP_DAC_OVERRIDE",    "CAP_DAC_READ_SEARCH", "CAP_FOWNER",        "CAP_FSETID",
    "CAP_KILL",            "CAP_SETGID",          "CAP_SETUID",          "CAP_SETPCAP",       "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST",  "CAP_NET_ADMIN",       "CAP_NET_RAW",       "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",       "CAP_SYS_MODULE",      "CAP_SYS_RAWIO",       "CAP_SYS_CHROOT",    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",       "CAP_SYS_ADMIN",       "CAP_SYS_BOOT",        "CAP_SYS_NICE",      "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",        "CAP_SYS_TTY_CONFIG",  "CAP_MKNOD",           "CAP_LEASE",         "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",   "CAP_SETFCAP",         "CAP_MAC_OVERRIDE",    "CAP_MAC_ADMIN",     "CAP_SYSLOG",
    "CAP_WAKE_ALARM",      "CAP_BLOCK_SUSPEND",   "CAP_AUDIT_READ",      "CAP_PERFMON",       "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE"};

}  // namespace

const FlagTable* find_flag_table(std::string_view name) {
    static const std::unordered_map<std::string_view, const FlagTable*> by_name = [] {
        std::unordered_map<std::string_view, const FlagTable*> m;
        for (size_t i = 0; i < kFlagTableCount; ++i) m.emplace(kFlagTables[i].name, &kFlagTables[i]);
        return m;
    }();
    const auto it = by_name.find(name);
    return it == by_name.end() ? nullptr : it->second;
}

std::string_view flags_text(const FlagTable& table, uint64_t value, rules::Arena& arena) {
    return join(
        [&](auto name) {
            uint64_t left = value;
            for (const FlagName& f : table.entries) {
                const bool matches = f.value == 0 ? value == 0 : left != 0 && (left & f.value) == f.value;
                if (!matches) continue;
                name(f.name);
                left &= ~uint64_t{f.value};
            }
        },
        '|', arena);
}

std::string_view enum_text(const FlagTable& table, uint64_t value, rules::Arena& arena) {
    return join(
        [&](auto name) {
            for (const FlagName& f : table.entries)
                if (f.value == value) name(f.name);
        },
        '|', arena);
}

std::string_view capabilities_text(uint64_t set, rules::Arena& arena) {
    return join(
        [&](auto name) {
            for (size_t i = 0; i < std::size(kCapabilities); ++i)
                if (set >> i & 1) name(kCapabilities[i]);
        },
        ' ', arena);
}

std::string_view errno_name(int64_t number) {
    switch (number) {  // the kernel's own codes that never reach a program but are seen at a call's exit
        case 512: return "ERESTARTSYS";
        case 513: return "ERESTARTNOINTR";
        case 514: return "ERESTARTNOHAND";
        case 516: return "ERESTART_RESTARTBLOCK";
        default: break;
    }
    if (number <= 0 || number > 4095) return {};
    const char* name = ::strerrorname_np(static_cast<int>(number));
    return name ? std::string_view(name) : std::string_view();
}

std::string_view signal_name(int64_t number, rules::Arena& arena) {
    if (number <= 0 || number > 64) return {};
    const char* name = ::sigabbrev_np(static_cast<int>(number));
    if (!name) return {};
    const size_t size = std::strlen(name);
    char* text = static_cast<char*>(arena.allocate(size + 3, 1));
    std::memcpy(text, "SIG", 3);
    std::memcpy(text + 3, name, size);
    return {text, size + 3};
}

}  // namespace undercoat::fields
