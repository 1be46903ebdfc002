#!/usr/bin/env python3
"""Makes everything that is derived from wire/local/flags.toml.

usage: gen_flags.py TABLE KIND OUTPUT      KIND: constants | tables

constants  C++ header, freestanding: undercoat::wire::flags::TABLE::kNAME, the values that event arguments carry
tables     C++ source of the tables through which values become names (supervisor/fields/flag_names.h)

Must stay true: the order of names within a table is the order in which they are rendered.
"""
import sys
import tomllib

HEADER = '// Generated from wire/local/flags.toml by tools/gen_flags.py. Do not edit.\n'


def load(path):
    with open(path, 'rb') as f:
        raw = tomllib.load(f)
    tables = {}
    for table, entries in raw.items():
        rows = []
        for entry in entries:
            name, _, value = entry.rpartition(':')
            if not name.isidentifier():
                sys.exit(f'{path}: {table}: {entry!r} is not NAME:VALUE')
            rows.append((name, int(value, 0)))
        tables[table] = rows
    return tables


def gen_constants(tables):
    o = [HEADER, '#pragma once', '#include <stdint.h>', '']
    for table, rows in tables.items():
        o.append(f'namespace undercoat::wire::flags::{table} {{')
        seen = set()
        for name, value in rows:
            if name not in seen:
                o.append(f'inline constexpr uint32_t k{name} = {value:#x};')
            seen.add(name)
        o += ['}', '']
    return '\n'.join(o)


def gen_tables(tables):
    o = [HEADER, '#include "supervisor/fields/flag_names.h"', '', 'namespace undercoat::fields {', 'namespace {', '']
    for table, rows in tables.items():
        o.append(f'constexpr FlagName k_{table}[] = {{')
        o += [f'    {{"{name}", {value:#x}}},' for name, value in rows]
        o.append('};')
    o += ['', '}  // namespace', '', 'const FlagTable kFlagTables[] = {']
    o += [f'    {{"{t}", k_{t}}},' for t in tables]
    o += ['};', 'const size_t kFlagTableCount = sizeof kFlagTables / sizeof kFlagTables[0];', '',
          '}  // namespace undercoat::fields', '']
    return '\n'.join(o)


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    text = {'constants': gen_constants, 'tables': gen_tables}[sys.argv[2]](load(sys.argv[1]))
    with open(sys.argv[3], 'w') as f:
        f.write(text)


main()
