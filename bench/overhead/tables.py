"""A result as tables of text."""
import figures
import modes
import workload


def machine(m):
    """One paragraph on what the figures are of."""
    filters = 'unknown filters' if m['outer_filters'] is None else f"{m['outer_filters']} seccomp filters"
    sync = {True: 'has SYNC_WAKE_UP', False: 'has no SYNC_WAKE_UP', None: 'SYNC_WAKE_UP could not be tried'}[m['sync_wake_up']]
    return (f"{m['cpus']} processors ({m['cpu']}{', virtual' if m['virtual'] else ''}), {m['memory_mib']} MiB, Linux {m['kernel']}, "
            f"which {sync}; {filters} below ours; load of the machine before the start {m['load_before']:.2f}; rules: {m['rules']}; "
            f"CPU time from {m['cpu_time_from']}; "
            f"commit {m['commit'] or 'unknown'}{' with changes' if m['changed'] else ''}")


def columns(found):
    return [m for m in modes.MODES if any(m in row for row in found.values())]


def text(data):
    """Everything as lines for a terminal."""
    found, loads = figures.figures(data), workload.load()
    shown = columns(found)
    out = [machine(data['machine']), f"{data['rounds']} rounds, {data['seconds']:.0f} s. Ratio to native: median (least–greatest); "
           '~ the spread is wider than the difference', '']
    for measure, title in figures.MEASURES.items():
        rows = [(name, row) for name, row in found.items() if any(measure in row.get(m, {}) for m in shown)]
        if not rows:
            continue
        out.append(f'{title:44s}' + ''.join(f'{modes.MODES[m].title:>24s}' for m in shown))
        group = None
        for name, row in rows:
            if loads[name].group != group:
                group = loads[name].group
                out.append(f'  {workload.GROUPS[group]}')
            out.append(f'{name:44.44s}' + ''.join(f"{figures.cell(row.get(m, {}).get(measure)):>24s}" for m in shown))
        out.append('')
    totals = {m: figures.total_cpu(data, m) for m in shown}
    out += ['CPU time over all rows with an aim: ' + ', '.join(f'{modes.MODES[m].title} {figures.cell(t)}' for m, t in totals.items() if t), '']
    out += [line for line in extras(data['extras'])] + [f'look: {line}' for line in figures.worth_a_look(data, found)]
    return '\n'.join(out)


def extras(e):
    for name, title in (('alert_idle', 'call to alert, idle'), ('alert_load', 'call to alert, under load')):
        for mode, v in e.get(name, {}).items():
            yield (f"{title}, {modes.MODES[mode].title}: p50 {v['p50']:.2f} ms, p99 {v['p99']:.2f}, p99.9 {v['p99.9']:.2f}, max {v['max']:.2f}, "
                   f"unseen {v['unseen']} of {v['calls']}")
    if 'alert_idle' in e:
        yield 'call to kill: there are no actions yet'
    for mode, by in e.get('startup', {}).items():
        for priority, v in by.items():
            yield (f"start, {modes.MODES[mode].title}, {priority}: {v['first']:.1f} ms to the first instruction, {v['whole']:.1f} ms for an empty "
                   f"run, {v['cpu']:.1f} ms of CPU time more than native")
    for mode, rows in e.get('memory', {}).items():
        yield f"memory, {modes.MODES[mode].title}: " + ', '.join(f"{r['name']} {r['rss']} KiB" for r in rows)
    if 'bundle' in e:
        sizes = sorted(e['bundle'].items(), key=lambda x: -x[1])
        yield f"bundle: {sum(e['bundle'].values()) / 2**20:.1f} MiB: " + ', '.join(f'{n} {s / 2**20:.2f}' for n, s in sizes)
