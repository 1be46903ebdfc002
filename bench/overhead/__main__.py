"""What real programs cost under us and under others, as ratios to native.

usage: script/bench overhead [--quick] [--only WORKLOAD,...] [--modes MODE,...] [--rounds N] [--budget MINUTES] [--json FILE] [--resume]
       script/bench page [FILE]                   docs/performance.md and its plots from a stored result
       script/bench compare A.json B.json         what has become worse

Each round runs every workload in every mode, native first and last. The figure is the median of the rounds' ratios; its interval (95 %)
comes from a bootstrap of the rounds. With --budget as many rounds are run as fit; a run that was stopped goes on with --resume.
`--only` takes names or beginnings of names, and names of groups; `--list` shows them.
"""
import argparse
import signal
import sys
import tempfile

import cell
import compare
import drivers
import extras
import fixtures
import machine
import measure
import modes
import page
import plots
import tables
import workload

STORED = modes.ROOT / 'bench/results/overhead.json'


def chosen_workloads(only):
    loads = workload.load()
    if not only:
        return list(loads.values()), True
    wanted = [o.strip() for o in only.split(';' if ';' in only else ',')]
    exact = {o for o in wanted if o in loads or o in workload.GROUPS}
    found = [w for w in loads.values() if any(o in (w.name, w.group) or o not in exact and w.name.startswith(o) for o in wanted)]
    if not found and 'extras' not in wanted:
        raise SystemExit(f"bench: no workload is called '{only}'; --list shows the names")
    return found, 'extras' in wanted


def chosen_modes(names):
    wanted = ['native', *[n for n in names.split(',') if n != 'native']] if names else list(modes.MODES)
    if unknown := [n for n in wanted if n not in modes.MODES]:
        raise SystemExit(f"bench: there is no mode '{unknown[0]}'; there are {', '.join(modes.MODES)}")
    missing = [n for n in wanted if not modes.MODES[n].available()]
    if missing:
        print(f"bench: left out, not installed: {', '.join(missing)} (script/bootstrap --bench)", file=sys.stderr)
    return [modes.MODES[n] for n in wanted if n not in missing]


def parser():
    p = argparse.ArgumentParser(prog='script/bench overhead', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--only', default='', metavar='WORKLOAD,...')
    p.add_argument('--modes', default='', metavar='MODE,...')
    p.add_argument('--rounds', type=int, help='at most so many (10; with --quick 2; with --budget as many as fit)')
    p.add_argument('--quick', action='store_true')
    p.add_argument('--budget', type=float, metavar='MINUTES')
    p.add_argument('--json', default=str(STORED), metavar='FILE', help='where the result goes (bench/results/overhead.json)')
    p.add_argument('--plots', metavar='DIRECTORY', help='draw plots there, too')
    p.add_argument('--resume', action='store_true')
    p.add_argument('--list', action='store_true', help='names of workloads and modes')
    return p


def overhead(arguments):
    o = parser().parse_args(arguments)
    if o.list:
        print('\n'.join(f'{w.group:12s} {w.name}' for w in workload.load().values()))
        return 0
    for number in (signal.SIGINT, signal.SIGTERM):  # in the background of a shell SIGINT would be ignored
        signal.signal(number, signal.default_int_handler)
    loads, with_extras = chosen_workloads(o.only)
    chosen = chosen_modes(o.modes)
    groups = cell.usable()
    with tempfile.TemporaryDirectory(prefix='uc-bench-', ignore_cleanup_errors=True) as scratch:
        place = drivers.Place(fixtures.Fixtures(scratch), groups)
        result = measure.Result(o.json, machine.describe(groups, place.rules_title), o.resume)
        clock = measure.Clock(o.budget, result.data['seconds'])
        try:
            if with_extras:
                extras.take(place, chosen, o.quick, result.data['extras'], result.save)
            if any(w.driver != 'server' for w in loads):
                drivers.calibrate(place, chosen, 2 if o.quick else 7)
                result.data['ends'] = place.ends
            measure.rounds(place, loads, chosen, o.rounds or (2 if o.quick else 1000 if o.budget else 10), clock, result)
        except KeyboardInterrupt:
            print(f'\nbench: stopped; --resume goes on with {o.json}', file=sys.stderr)
        result.save()
    print('\r\033[K', end='', file=sys.stderr)
    print(tables.text(result.data))
    if o.plots:
        plots.draw_elsewhere(o.json, o.plots)
    return 1 if result.data['broken'] else 0


def main():
    commands = {'overhead': overhead, 'page': lambda a: page.main(a or [str(STORED)]), 'compare': compare.main}
    if len(sys.argv) < 2 or sys.argv[1] not in commands:
        sys.exit(__doc__)
    return commands[sys.argv[1]](sys.argv[2:])


if __name__ == '__main__':
    sys.exit(main())
