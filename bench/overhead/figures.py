"""From stored samples to what is said of them: one summary for each workload, mode and measure.

Measures: `time` (seconds per operation; of servers the throughput, so that more is better), `cpu` (CPU time per operation, ours included),
`memory` (peak of the whole run), `latency` (servers: the 99th percentile as the load tells it).

Must stay true: a ratio is of one round; native's own figure is never given without its ratio.
"""
import json
import pathlib
import statistics

import modes
import stats
import workload

MEASURES = {'time': 'Time (servers: throughput, more is better)', 'cpu': 'CPU time, ours included', 'memory': 'Peak memory, ours included',
            'latency': 'Latency of servers, p99 (PostgreSQL: mean)'}


def read(file):
    data = json.loads(pathlib.Path(file).read_text())
    if data.get('format') != 1:
        raise SystemExit(f"bench: {file} is of format {data.get('format')}, this program reads 1")
    return data


def ratios(data, w, mode, measure):
    """{round: ratio}; empty where nothing was measured."""
    samples = data['samples'].get(w.name, {})
    key = 'seconds' if measure == 'time' else measure
    columns = {m: {r: [s[key] for s in rows if key in s] for r, rows in samples.get(m, {}).items()} for m in (mode, 'native')}
    found = stats.paired_ratios(columns[mode], columns['native'])
    if measure == 'time' and w.higher_is_better:
        return {r: 1 / v for r, v in found.items()}
    return found


def figures(data, workloads=None):
    """{workload: {mode: {measure: summary}}} in the order of the entries."""
    result = {}
    for w in (workloads or workload.load()).values():
        for mode in modes.MODES:
            for measure in MEASURES:
                if mode != 'native' and (of := ratios(data, w, mode, measure)):
                    result.setdefault(w.name, {}).setdefault(mode, {})[measure] = stats.summary(list(of.values()))
    return result


def added_memory(data, name, mode):
    """MiB that a run has more at its peak than natively, median over the rounds; None if not measured."""
    samples = data['samples'].get(name, {})
    middle = {m: [s['memory'] for rows in samples.get(m, {}).values() for s in rows] for m in (mode, 'native')}
    if not all(middle.values()):
        return None
    return (statistics.median(middle[mode]) - statistics.median(middle['native'])) / 2**20


def total_cpu(data, mode, workloads=None):
    """Summary of the CPU time over all workloads with an aim that this mode sees: in each round the geometric mean of their ratios; of rounds
    that lack one of them nothing is said. None if there is no such round."""
    wanted = [w for w in (workloads or workload.load()).values() if w.aim and w.group in ('calls', 'programs', 'servers')
              and data['samples'].get(w.name, {}).get(mode)]
    rows = [ratios(data, w, mode, 'cpu') for w in wanted]
    whole = [r for r in rows[0] if all(r in row for row in rows)] if rows else []
    return stats.summary([stats.geometric_mean([row[r] for row in rows]) for r in whole]) if whole else None


def cell(figure):
    """`1.05 (1.02–1.09)`: median, least and greatest; ~ marks a spread wider than the difference from native."""
    if not figure:
        return ''
    d = 2 if figure['median'] < 9.95 else 1
    return f"{figure['median']:.{d}f} ({figure['min']:.{d}f}–{figure['max']:.{d}f}){'~' if figure['noisy'] else ''}"


def aims(data, found=None):
    """[(workload, mode, aim, summary, verdict)] of every aim that was measured."""
    found = found or figures(data)
    rows = []
    for w in workload.load().values():
        for mode, aim in w.aim.items():
            figure = found.get(w.name, {}).get(mode, {}).get('time')
            if figure and w.group != 'outer filter':
                rows.append((w, mode, aim, figure, stats.meets(aim, figure, w.higher_is_better)))
    return rows


def worth_a_look(data, found=None):
    """Findings a person should see: what failed, what lost its aim."""
    lines = [f'{name}, {mode}: {texts[-1]} ({len(texts)} times)' for name, row in data['broken'].items() for mode, texts in row.items()]
    lines += [f'{w.name}, {mode}: {cell(f)}, aim {aim}' for w, mode, aim, f, v in aims(data, found) if v == 'missed']
    return lines + [f'{name}: left out, {text}' for name, text in data['missing'].items()]
