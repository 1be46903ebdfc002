#!/usr/bin/env python3
"""Transparency by other people's test suites: each runs natively and in every way of watching, and test by test the results must be
the same.

usage: script/test transparency [--all] [--suite NAME]... [--unit NAME]... [--way WAY]... [--jobs N] [--json FILE] [--list]

Must stay true: the exit status is 0 only if no test differs but for the exceptions in exceptions.toml, each a row of docs/limits.md; a
suite whose programs are missing is named.
"""
import argparse
import collections
import concurrent.futures
import importlib
import json
import os
import pathlib
import signal
import sys
import tempfile
import time
import tomllib

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / 'suites')]

import compare
import ways

ROOT = HERE.parents[1]
BUILD = pathlib.Path(os.environ.get('UNDERCOAT_BUILD', ROOT / 'build'))
SAME = 'same'


def every_unit():
    for file in sorted((HERE / 'suites').glob('*.py')):
        yield from importlib.import_module(file.stem).units()


def exceptions():
    return tomllib.loads((HERE / 'exceptions.toml').read_text()).get('exception', [])


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split('\n')[0], prog='script/test transparency')
    p.add_argument('--all', action='store_true', help='every suite; without it the short ones')
    p.add_argument('--suite', action='append', help='only this suite')
    p.add_argument('--unit', action='append', help='only this unit')
    p.add_argument('--way', action='append', choices=compare.default_ways(), help='only this way of watching')
    p.add_argument('--as', dest='users', choices=('root', 'nobody'), help='only as this user')
    p.add_argument('--jobs', type=int, default=4, help='units at once')
    p.add_argument('--json', help='write every verdict that is not "same" to this file')
    p.add_argument('--list', action='store_true', help='list the units and end')
    return p.parse_args()


def chosen(options):
    picked = []
    for unit in every_unit():
        if options.suite and unit.suite not in options.suite or options.unit and unit.name not in options.unit:
            continue
        if unit.fast or options.all or options.suite or options.unit:
            picked.append(unit)
    return picked


def users_of(unit, options):
    if os.getuid() != 0:
        return [False]
    users = [u for u, does in (('root', unit.root), ('nobody', unit.user)) if does]
    if not (options.all or options.suite or options.unit):
        users = [u for u in users if u in unit.fast]
    return [u == 'nobody' for u in users if options.users in (None, u)]


def table(verdicts, wanted):
    """Lines: for each suite, user and way the number of tests that are the same of all, varying and excepted ones apart."""
    counts = collections.defaultdict(collections.Counter)
    rows = []
    for v in verdicts:
        row = (v.unit.suite, 'nobody' if v.user else 'root' if os.getuid() == 0 else 'self')
        if row not in rows:
            rows.append(row)
        counts[row, v.way][v.kind] += 1
    lines = [f'{"suite":<12} {"user":<7}' + ''.join(f'{w:>22}' for w in wanted)]
    for row in rows:
        line = f'{row[0]:<12} {row[1]:<7}'
        for way in wanted:
            c = counts[row, way]
            more = ' '.join(f'{c[k]}{k[0]}' for k in ('differs', 'varies', 'excepted') if c[k])
            line += f'{f"{c[SAME]}/{sum(c.values())} {more}".strip():>22}'
        lines.append(line)
    return lines


def told(v):
    who = ' as nobody' if v.user else ''
    return f'{v.unit.suite}/{v.unit.name}{who} under {v.way}: {v.test}: natively {v.native}, here {v.ours}' + \
        (f' ({v.often} runs)' if v.often else '')


def report(verdicts, missing, wanted, began):
    print('\n'.join(table(verdicts, wanted)))
    print('same/all; d: differs, v: varies natively, e: excepted by docs/limits.md')
    for kind, title in (('varies', 'vary natively'), ('excepted', 'excepted'), ('differs', 'DIFFER')):
        found = collections.defaultdict(list)
        for v in verdicts:
            if v.kind == kind:
                found[f'{v.unit.suite}/{v.unit.name}: {v.test}'].append(v)
        if found:
            print(f'{len(found)} {title}:')
        for name, all_of_it in sorted(found.items()):
            if kind != 'differs':
                print(f'  {name}')
            for v in all_of_it if kind == 'differs' else ():
                print('FAIL ' + told(v))
    for unit, what in missing:
        print(f'skipped {unit.suite}/{unit.name}: {", ".join(what)} not there')
    differ = [v for v in verdicts if v.kind == 'differs']
    print(f'{time.monotonic() - began:.0f} s; {len(verdicts) - len(differ)} passed, {len(differ)} failed'
          + (f', {len(missing)} skipped' if missing else ''), flush=True)
    return differ


def main():
    options = arguments()
    units = chosen(options)
    if options.list:
        print('\n'.join(f'{u.suite}/{u.name}' + (' fast' if u.fast else '') for u in units))
        return 0
    wanted = options.way or compare.default_ways()
    began, known = time.monotonic(), exceptions()
    verdicts = []
    with tempfile.TemporaryDirectory(prefix='uc-transparency-') as scratch:
        place = ways.Place(BUILD / 'bundle/opt/undercoat', scratch)
        place.add_sources({s for u in units for s in u.sources})
        missing = [(u, m) for u in units if (m := u.missing(place))]
        units = [u for u in units if not u.missing(place)]

        def one(unit, user):
            c = compare.Comparison(place, unit, user, known)
            found = c.compare(wanted)
            told_seconds = ' '.join(f'{w} {s:.0f}' for w, s in c.seconds.items())
            print(f'{unit.suite}/{unit.name}{" as nobody" if user else ""}: {len(c.first)} tests; seconds: {told_seconds}; '
                  + ('; '.join(told(v) for v in found if v.kind == 'differs') or 'no difference'), flush=True)
            return found
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: place.stop())
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            jobs = [pool.submit(one, u, who) for u in units for who in users_of(u, options)]
            for job in jobs:
                try:
                    verdicts += job.result()
                except KeyboardInterrupt:
                    print('ended before its time', flush=True)
                    return 1
    differ = report(verdicts, missing, wanted, began)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps([{**{k: getattr(v, k) for k in ('user', 'way', 'test', 'kind', 'native', 'ours',
                                                          'often', 'text')}, 'unit': f'{v.unit.suite}/{v.unit.name}'}
                                                          for v in verdicts if v.kind != 'same'], indent=1))
    return 1 if differ else 0


if __name__ == '__main__':
    sys.exit(main())
