#!/usr/bin/env python3
"""Makes everything that is derived from wire/local/syscalls.toml.

usage: gen_syscalls.py TABLE KIND OUTPUT      KIND: calls | schema | hooks | docs

calls   C++ header, freestanding: enum Call, the CallInfo table, look-ups by number (filter, shim, trap, ingest)
schema  C++ source of the event schema: names, categories, parameters (supervisor)
hooks   X-macro list of interposed libc functions and their calls (shim; its version script is checked against it)
docs    docs/events.md

Must stay true: the order of [[call]] entries is the numeric value of enum Call, which is part of the local wire format;
a table that names an unknown key, tier, condition or argument kind is an error with the entry's name.
"""
import sys
import tomllib

TIERS = ['absent', 'gadget', 'trap', 'shim']
WHENS = ['', 'dirfd', 'arg4_nonzero', 'arg0_nonzero', 'arg1_nonzero', 'arg1_std', 'fcntl_listed', 'kill', 'urgent', 'prctl_listed', 'clone_untraced',
         'low_code']
KINDS = ['none', 'path', 'string', 'fd', 'newfd', 'dirfd', 'sockaddr', 'outaddr', 'msghdr', 'argv', 'envp', 'openhow', 'buf',
         'len', 'ptr', 'int', 'flags', 'mode', 'pid', 'tid', 'uid', 'gid', 'sig']
KEYS = {'name', 'sys', 'x86_64', 'i386', 'tier', 'when', 'interruptible', 'args', 'libc', 'category', 'kind', 'fd', 'state', 'waits', 'old',
        'params', 'event'}
FD_FLAGS = ['uses', 'creates', 'destroys', 'reads', 'writes']
HEADER = '// Generated from wire/local/syscalls.toml by tools/gen_syscalls.py. Do not edit.\n'


def load(path):
    with open(path, 'rb') as f:
        table = tomllib.load(f)
    for c in table['call']:
        bad = set(c) - KEYS
        if bad:
            sys.exit(f"{path}: {c['name']}: unknown keys {sorted(bad)}; allowed are {sorted(KEYS)}")
        for what, value, allowed in (('tier', c.get('tier', 'absent'), TIERS), ('when', c.get('when', ''), WHENS)):
            if value not in allowed:
                sys.exit(f"{path}: {c['name']}: {what} {value!r}; allowed are {allowed}")
        for a in c.get('args', []):
            if a.split(':')[0] not in KINDS:
                sys.exit(f"{path}: {c['name']}: argument {a!r}; allowed kinds are {KINDS[1:]}")
    return table


def ident(name):
    return name + '_' if name in ('switch', 'break', 'union', 'double') else name


def gen_calls(table):
    calls = table['call']
    o = [HEADER, '#pragma once', '#include <stdint.h>', 'namespace undercoat::wire {', '']
    o.append('enum class Call : uint16_t {')
    o += [f'    {ident(c["name"])} = {i},' for i, c in enumerate(calls)]
    o += ['};', f'inline constexpr uint16_t kCallCount = {len(calls)};', 'inline constexpr uint16_t kNoCall = 0xffff;', '']
    o.append('enum class Tier : uint8_t { ' + ', '.join(TIERS) + ' };')
    o.append('enum class When : uint8_t { ' + ', '.join(w or 'always' for w in WHENS) + ' };')
    o.append('enum class ArgKind : uint8_t { ' + ', '.join(ident(k) if k != 'int' else 'integer' for k in KINDS) + ' };')
    o.append('''
// One system call: its numbers (-1 where the architecture has none), how it is captured, and its kernel arguments.
// creates_fd: a result >= 0 is a new descriptor of the caller. interruptible: see syscalls.toml.
struct CallInfo {
    const char* name;
    int16_t x86_64;
    int16_t i386;
    Tier tier;
    When when;
    bool creates_fd;
    bool interruptible;
    uint8_t nargs;
    ArgKind args[6];
};
''')
    o.append('inline constexpr CallInfo kCalls[kCallCount] = {')
    for c in calls:
        args = [a.split(':')[0] for a in c.get('args', [])]
        kinds = ', '.join('ArgKind::' + ('integer' if a == 'int' else a) for a in args + ['none'] * (6 - len(args)))
        o.append(f'    {{"{c["name"]}", {c.get("x86_64", -1)}, {c.get("i386", -1)}, Tier::{c.get("tier", "absent")}, '
                 f'When::{c.get("when") or "always"}, {str("creates" in c.get("fd", [])).lower()}, {str(c.get("interruptible", False)).lower()}, {len(args)}, {{{kinds}}}}},')
    o += ['};', '']
    for arch in ('x86_64', 'i386'):
        size = max(c.get(arch, -1) for c in calls) + 1
        by = ['kNoCall'] * size
        for i, c in enumerate(calls):
            if arch in c and by[c[arch]] == 'kNoCall':
                by[c[arch]] = str(i)
        o.append(f'inline constexpr uint16_t kCallBy_{arch}[{size}] = {{{", ".join(by)}}};')
        o.append(f'inline constexpr uint32_t kCallBy_{arch}_size = {size};')
    pr = table['prctl']
    o.append('// prctl options that the filter sends to the trap.')
    o.append(f'inline constexpr int64_t kPrctlTrapped[] = {{{", ".join(map(str, pr["values"]))}}};')
    o += ['', '}  // namespace undercoat::wire', '']
    return '\n'.join(o)


def gen_hooks(table):
    o = [HEADER, '// UC_HOOK(libc function, Call enumerator)']
    for c in table['call']:
        o += [f'UC_HOOK({s}, {ident(c["name"])})' for s in c.get('libc', [])]
    return '\n'.join(o) + '\n'


def gen_schema(table):
    o = [HEADER, '#include "supervisor/event/schema.h"', 'namespace undercoat::event {', '']
    rows = []
    for i, c in enumerate(table['call']):
        names = [a.split(':')[1] for a in c.get('args', [])]
        if names:
            o.append(f'static constexpr const char* kArgs{i}[] = {{{", ".join(chr(34) + n + chr(34) for n in names)}}};')
        if c.get('params'):
            o.append(f'static constexpr Param kParams{i}[] = {{')
            for p in c['params']:
                name, typ, fmt, *rest = p.split(':')
                o.append(f'    {{"{name}", ParamType::{typ}, ParamFormat::{fmt}, "{rest[0] if rest else ""}"}},')
            o.append('};')
        fd = c.get('fd', [])
        flags = ' | '.join([f'kFd{f.capitalize()}' for f in FD_FLAGS if f in fd] +
                           [f for f, k in (('kModifiesState', 'state'), ('kWaits', 'waits'), ('kOld', 'old')) if c.get(k)] +
                           (['kGeneric'] if c.get('event') is False else []) +
                           (['kNotSyscall'] if 'kind' in c else [])) or '0'
        rows.append(f'    {{"{c["name"]}", "{c.get("category", "other")}", {flags}, '
                    f'{"kParams%d" % i if c.get("params") else "nullptr"}, {len(c.get("params", []))}, '
                    f'{"kArgs%d" % i if names else "nullptr"}, {len(names)}}},')
    o += ['', 'const EventInfo kEvents[] = {'] + rows + ['};', 'const unsigned kEventCount = sizeof kEvents / sizeof kEvents[0];']
    o += ['', '}  // namespace undercoat::event', '']
    return '\n'.join(o)


def gen_docs(table):
    o = ['# Captured calls', '', 'Generated from `wire/local/syscalls.toml`; every other system call costs nothing and is not seen.', '',
         '| Call | Tier | When | Event arguments | Interposed functions |', '|---|---|---|---|---|']
    for c in table['call']:
        if c.get('tier', 'absent') != 'absent':
            params = ', '.join(p.split(':')[0] for p in c.get('params', []))
            o.append(f'| `{c["name"]}` | {c["tier"]} | {c.get("when", "")} | {params} | {" ".join(c.get("libc", []))} |')
    return '\n'.join(o) + '\n'


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    table = load(sys.argv[1])
    text = {'calls': gen_calls, 'schema': gen_schema, 'hooks': gen_hooks, 'docs': gen_docs}[sys.argv[2]](table)
    with open(sys.argv[3], 'w') as f:
        f.write(text)


main()
