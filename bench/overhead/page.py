"""docs/performance.md and its plots from a stored result.

usage: script/bench page [RESULT.json] [--check]      --check: writes nothing, only says whether the page is up to date

Must stay true: the page is a function of the result and of bench/overhead/page/*.md, so that a test can hold it against them.
"""
import argparse
import pathlib
import sys

import figures
import modes
import plots
import stats
import tables
import workload

TEXTS = pathlib.Path(__file__).parent / 'page'
PAGE = modes.ROOT / 'docs/performance.md'
PLOTS = modes.ROOT / 'docs/performance'
STORED = modes.ROOT / 'bench/results/overhead.json'
MARKS = {'met': 'met', 'missed': '**missed**', 'open': 'open'}


def table(head, rows):
    return ['| ' + ' | '.join(head) + ' |', '|---|' + '---:|' * (len(head) - 1), *('| ' + ' | '.join(r) + ' |' for r in rows), '']


def interval(figure):
    return f"{figure['median']:.2f} [{figure['low']:.2f}, {figure['high']:.2f}]"


def plot(name):
    return [f'![{plots.PLOTS[name]}](performance/{name}.svg)', '']


def aims(data, found):
    rows = []
    by_workload = {}
    for w, mode, aim, figure, verdict in figures.aims(data, found):
        by_workload.setdefault(w.name, (w, {}))[1][mode] = (aim, figure, verdict)
    for name, (w, by) in by_workload.items():
        row = [name + (', requests/s' if w.higher_is_better else '')]
        for mode in ('notify', 'preload'):
            if mode in by:
                aim, f, verdict = by[mode]
                row += [f"{'≥' if w.higher_is_better else '≤'} {aim:.2f}", interval(f), MARKS[verdict]]
            else:
                row += ['', '', '']
        rows.append(row)
    totals = []
    for mode, aim in (('notify', 1.10), ('preload', 1.06)):
        t = figures.total_cpu(data, mode)
        totals += [f'≤ {aim:.2f}', interval(t), MARKS[stats.meets(aim, t, False)]] if t else ['', '', '']
    if rows:
        rows.append(['**CPU time, ours included, over all of these**', *totals])
    return table(['', 'aim', 'full (notify)', '', 'aim', 'preload', ''], rows)


def group_tables(data, found, group):
    loads = workload.load()
    rows = [n for n in found if loads[n].group == group]
    out = []
    for measure, title in figures.MEASURES.items():
        shown = [m for m in tables.columns(found) if any(measure in found[n].get(m, {}) for n in rows)]
        if not shown or measure in ('memory', 'latency'):
            continue
        title = 'Throughput (more is better)' if measure == 'time' and group == 'servers' else title.split(' (')[0]
        out += [f'**{title}**', '']
        cells = [[n, *(figures.cell(found[n].get(m, {}).get(measure)) for m in shown)] for n in rows]
        out += table(['', *(modes.MODES[m].title for m in shown)], cells)
    return out


def memory(data, found):
    ours = [m for m in tables.columns(found) if modes.MODES[m].options]
    rows = []
    for n, w in workload.load().items():
        added = {m: figures.added_memory(data, n, m) for m in ours} if n in found and w.group in ('calls', 'programs', 'servers') else {}
        if any(v is not None for v in added.values()):
            rows.append([n, *('' if added[m] is None else f'{added[m]:.1f}' for m in ours)])
    return table(['MiB more than native at the peak', *(modes.MODES[m].title for m in ours)], rows) if rows else []


def singles(e):
    out = []
    if 'alert_idle' in e:
        columns = [(k, p) for k in ('alert_idle', 'alert_load') for p in ('p50', 'p99', 'p99.9')]
        rows = [[modes.MODES[m].title, *(f"{e[k][m][p]:.1f}" if m in e.get(k, {}) else '' for k, p in columns)] for m in e['alert_idle']]
        out += ['## From a call to its alert', '', *table(['milliseconds', 'idle: p50', 'p99', 'p99.9', 'under load: p50', 'p99', 'p99.9'], rows),
                *text('alerts'), *plot('alerts')]
    if 'startup' in e:
        columns = [('availability', 'first'), ('security', 'first'), ('security', 'whole'), ('security', 'cpu')]
        rows = [[modes.MODES[m].title, *(f'{by[p][k]:.0f}' for p, k in columns)] for m, by in e['startup'].items()]
        out += ['## Start', '',
                *table(['milliseconds more than native', 'to the first instruction', 'the same when it waits for the rules',
                        'a run that does nothing, rules awaited', 'CPU time of that'], rows),
                'With `UNDERCOAT_PRIORITY=security` the program starts when the rules are in force: that is the time to the first rule.', '']
    if 'memory' in e:
        rows = [[modes.MODES[m].title, ', '.join(f"{r['name']} {r['rss'] / 1024:.1f}" for r in rows)] for m, rows in e['memory'].items()]
        out += ['## Memory of each process', '', *table(['', 'resident MiB beside a program that sleeps'], rows),
                '`undercoat` is the process that answers trapped calls.', '']
    if 'bundle' in e:
        sizes = [*sorted(e['bundle'].items(), key=lambda x: -x[1]), ('all', sum(e['bundle'].values()))]
        out += ['## Size of the bundle', '', *table(['', 'MiB'], [[n, f'{s / 2**20:.1f}'] for n, s in sizes])]
    return out


def text(name):
    return (TEXTS / f'{name}.md').read_text().strip().splitlines() + ['']


def write(data):
    """The page as text."""
    found = figures.figures(data)
    groups = {workload.load()[n].group for n in found}
    machine = tables.machine(data['machine']).replace('; ', ';\n')
    out = ['<!-- Written by script/bench page from bench/results/overhead.json and bench/overhead/page/; change those. -->', *text('head'),
           '## Measured on', '', f"{machine}.\n{data['rounds']} rounds in {data['seconds'] / 60:.0f} minutes.", '']
    out += ['## What is aimed at', '', *text('aims'), *aims(data, found)]
    if 'calls' in groups or 'programs' in groups:
        out += ['## Calls and programs', '', *plot('time'), *group_tables(data, found, 'calls'), *group_tables(data, found, 'programs')]
    if 'servers' in groups:
        out += ['## Servers', '', *plot('throughput'), *group_tables(data, found, 'servers')]
    if groups & {'calls', 'programs', 'servers'}:
        out += ['## CPU time', '', *plot('cpu')]
    for group, name in (('quota', 'quota'), ('outer filter', 'outer')):
        if group in groups:
            out += [f'## {workload.GROUPS[group]}', '', *text(name), *group_tables(data, found, group)]
    if 'growth' in groups:
        out += ['## How cost grows', '', *plot('growth'), *group_tables(data, found, 'growth')]
    out += [*singles(data['extras']), '## Peak memory', '', *memory(data, found)]
    broken = [f'- {line}' for line in figures.worth_a_look(data, found) if ': left out' in line or ' times)' in line]
    if broken:
        out += ['## What did not run', '', *broken, '']
    ends = ', '.join(f'{modes.MODES[m].title} {v * 1e3:.1f} ms' for m, v in data.get('ends', {}).items()) or 'not measured'
    return '\n'.join([*out, *text('why'), *text('method')]).replace('{ends}', ends).rstrip() + '\n'


def main(arguments):
    p = argparse.ArgumentParser(prog='script/bench page', description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('result', nargs='?', default=str(STORED))
    p.add_argument('--check', action='store_true')
    p.add_argument('--text-only', action='store_true', help='leaves the plots as they are')
    o = p.parse_args(arguments)
    fresh = write(figures.read(o.result))
    if o.check:
        if not PAGE.exists() or PAGE.read_text() != fresh:
            print(f'{PAGE.relative_to(modes.ROOT)} is out of date; run script/bench page')
            return 1
        return 0
    PAGE.write_text(fresh)
    if not o.text_only:
        plots.draw_elsewhere(o.result, PLOTS)
    return 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
