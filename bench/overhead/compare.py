"""Says what has become worse or better between two results: figures whose intervals do not touch.

usage: script/bench compare A.json B.json [--tolerance SHARE]

The exit status is 1 if anything became worse. Absolute times are never compared, only ratios to native: the machines may differ, and
then a line says so.
"""
import argparse
import sys

import figures
import modes
import stats
import workload

MEASURES = ('time', 'cpu', 'latency')


def changes(before, after, tolerance, workloads=None):
    """[(verdict, workload, mode, measure, summary before, after)] of what is not the same; and what only one of them has."""
    loads = workloads or workload.load()
    a, b = figures.figures(before, loads), figures.figures(after, loads)
    rows = []
    for name, by_mode in a.items():
        for mode, by_measure in by_mode.items():
            if modes.MODES[mode].options is None:
                continue
            for measure in MEASURES:
                x, y = by_measure.get(measure), b.get(name, {}).get(mode, {}).get(measure)
                if not x or not y:
                    continue
                v = stats.verdict(x, y, measure == 'time' and loads[name].higher_is_better, tolerance)
                if v != 'same':
                    rows.append((v, name, mode, measure, x, y))
    return sorted(rows, key=lambda r: (r[0] != 'worse', -abs(r[5]['median'] / r[4]['median'] - 1)))


def newly_broken(before, after):
    return [f'{name}, {mode}: {texts[-1]}' for name, row in after['broken'].items() for mode, texts in row.items()
            if mode not in before['broken'].get(name, {})]


def main(arguments):
    p = argparse.ArgumentParser(prog='script/bench compare', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('before')
    p.add_argument('after')
    p.add_argument('--tolerance', type=float, default=0.01, help='a smaller share of change is none (0.01)')
    o = p.parse_args(arguments)
    before, after = figures.read(o.before), figures.read(o.after)
    for key in ('kernel', 'cpu', 'cpus', 'rules', 'outer_filters', 'sync_wake_up'):
        if before['machine'].get(key) != after['machine'].get(key):
            print(f"note: {key} was {before['machine'].get(key)} and is {after['machine'].get(key)}")
    rows, broken = changes(before, after, o.tolerance), newly_broken(before, after)
    for v, name, mode, measure, x, y in rows:
        print(f"{v:6s} {name}, {modes.MODES[mode].title}, {measure}: {x['median']:.3f} [{x['low']:.3f}, {x['high']:.3f}] → "
              f"{y['median']:.3f} [{y['low']:.3f}, {y['high']:.3f}]")
    for line in broken:
        print(f'broken {line}')
    worse = sum(r[0] == 'worse' for r in rows)
    print(f'{worse} worse, {len(rows) - worse} better, {len(broken)} broken')
    return 1 if worse or broken else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
