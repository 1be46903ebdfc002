#!/usr/bin/env python3
"""Makes the layouts of capture events from supervisor/scap/layouts.toml and wire/local/syscalls.toml.

usage: gen_scap_layouts.py LAYOUTS SYSCALLS OUTPUT

Must stay true: a row whose event the syscall table does not know, whose code is not even and rising, or whose NAME>OTHER names a
parameter that the event has not, is an error with the row.
"""
import sys
import tomllib

from pathlib import Path

HEADER = '// Generated from supervisor/scap/layouts.toml by tools/gen_scap_layouts.py. Do not edit.\n'


def params_of(row, text, params):
    """[(name in the capture, index in the event or -1)] or None where there is no such event."""
    if text == '-':
        return None
    if text == '*':
        return [(n, i) for i, n in enumerate(params)]
    if text and text.split() == params:
        sys.exit(f'{row}: these are all parameters of the event in their order, which syscalls.toml says: write "*"')
    out = []
    for token in text.split():
        name, _, other = token.partition('>')
        if other and other not in params:
            sys.exit(f'{row}: there is no parameter {other!r}; the event has {params}')
        wanted = other or name
        out.append((name, params.index(wanted) if wanted in params else -1))
    return out


def main():
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    given = tomllib.loads(Path(sys.argv[1]).read_text())
    layouts = given['events']
    calls = tomllib.loads(Path(sys.argv[2]).read_text())['call']
    types = {c['name']: (i, [p.split(':')[0] for p in c.get('params', [])]) for i, c in enumerate(calls)}
    o = [HEADER, '#include "supervisor/scap/layout.h"', 'namespace undercoat::scap {', '']
    rows, last = {}, -2
    for row in layouts:
        code, name, enter, leave = row
        if code % 2 or code <= last or name not in types:
            sys.exit(f'{sys.argv[1]}: {row}: the code must be even and rise, and the event must be one of syscalls.toml')
        last = code
        index, params = types[name]
        for at, text in ((code, enter), (code + 1, leave)):
            found = params_of(row, text, params)
            if found is None:
                continue
            if found:
                items = ', '.join(f'{{"{n}", {i}}}' for n, i in found)
                o.append(f'static constexpr LayoutParam k{at}[] = {{{items}}};')
            rows[at] = f'{{{index}, {f"k{at}" if found else "nullptr"}, {len(found)}}}'
    o += ['', 'const Layout kLayouts[] = {']
    o += [f'    {rows.get(i, "{wire::kNoCall, nullptr, 0}")},' for i in range(last + 2)]
    o += ['};', f'const unsigned kLayoutCount = {last + 2};', '']
    numbers = [str(types[n][0]) if n in types else 'wire::kNoCall' for n in given['generic'].split()]
    o.append(f'const uint16_t kGenericCalls[] = {{{", ".join(numbers)}}};')
    o += [f'const unsigned kGenericCallCount = {len(numbers)};', '', '}  // namespace undercoat::scap', '']
    Path(sys.argv[3]).write_text('\n'.join(o))


main()
