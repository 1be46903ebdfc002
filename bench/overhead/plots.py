"""The plots of a result, as SVG, drawn by matplotlib (Debian's python3-matplotlib, which the system's Python sees).

usage: plots.py RESULT.json DIRECTORY

Must stay true: the same result gives the same files, byte for byte; a point never stands without its interval.
"""
import pathlib
import subprocess
import sys

import figures
import modes
import workload

OURS = {'preload': ('#0072b2', 'o'), 'notify': ('#009e73', 's'), 'ptrace': ('#d55e00', 'D'), 'trap': ('#cc79a7', 'v')}
OTHERS = {'ptrace-all': ('#444444', 'X'), 'strace': ('#888888', 'P'), 'strace-seccomp': ('#aaaaaa', '^'), 'snoopy': ('#e6b800', '*')}
LOOKS = {**OURS, **OTHERS}
PLOTS = {'time': 'Time, ratio to native (less is better)', 'throughput': 'Throughput, ratio to native (more is better)',
         'cpu': 'CPU time, ours included, ratio to native', 'growth': 'How the cost of openat+close grows', 'alerts': 'From a call to its alert'}


def setup():
    import matplotlib
    matplotlib.use('svg')
    import matplotlib.pyplot as plt
    plt.rcParams.update({'svg.hashsalt': 'undercoat', 'font.family': 'DejaVu Sans', 'font.size': 9, 'axes.spines.top': False,
                         'axes.spines.right': False, 'axes.titlesize': 10, 'axes.titleweight': 'bold', 'axes.titlelocation': 'left',
                         'figure.facecolor': 'white', 'legend.frameon': False, 'svg.fonttype': 'path'})
    return plt


def save(plt, figure, directory, name, kind='svg'):
    figure.savefig(pathlib.Path(directory) / f'{name}.{kind}', bbox_inches='tight', metadata={'Date': None} if kind == 'svg' else None, dpi=110)
    plt.close(figure)


def dots(plt, found, rows, measure, title, log):
    """One line for each workload, one mark with its interval for each mode."""
    shown = [m for m in LOOKS if any(measure in found[r].get(m, {}) for r in rows)]
    figure, axis = plt.subplots(figsize=(8.2, 0.9 + 0.36 * len(rows)))
    for i, m in enumerate(shown):
        colour, mark = LOOKS[m]
        lift = (i - (len(shown) - 1) / 2) * 0.09
        points = [(len(rows) - 1 - k - lift, found[r][m][measure]) for k, r in enumerate(rows) if measure in found[r].get(m, {})]
        middle = [f['median'] for _, f in points]
        spread = [[f['median'] - f['low'] for _, f in points], [f['high'] - f['median'] for _, f in points]]
        axis.errorbar(middle, [y for y, _ in points], xerr=spread, fmt=mark, color=colour, markersize=5, elinewidth=1, alpha=0.95,
                      markeredgewidth=0, label=modes.MODES[m].title)
    axis.axvline(1, color='black', linewidth=0.8)
    axis.set_yticks(range(len(rows)), list(reversed(rows)))
    for y in range(0, len(rows), 2):
        axis.axhspan(y - 0.5, y + 0.5, color='#f4f4f4', zorder=0)
    axis.set_ylim(-0.6, len(rows) - 0.4)
    if log:
        axis.set_xscale('log')
        low, high = axis.get_xlim()
        ticks = [t for t in (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100) if low <= t <= high]
        axis.set_xticks(ticks, [f'{t:g}' for t in ticks])
        axis.minorticks_off()
    axis.grid(axis='x', color='#dddddd', linewidth=0.6)
    axis.set_axisbelow(True)
    axis.set_title(title)
    axis.legend(loc='upper center', bbox_to_anchor=(0.4, -0.32 / figure.get_figheight() - 0.02), ncol=4, fontsize=8)
    return figure


def growth(plt, data, found):
    loads = [w for w in workload.load().values() if w.series and w.name in found]
    series = list(dict.fromkeys(w.series for w in loads))
    figure, axes = plt.subplots(1, len(series), figsize=(2.5 * len(series) + 0.4, 2.9), squeeze=False)
    for axis, name in zip(axes[0], series):
        for m, (colour, mark) in LOOKS.items():
            points = [(w.at, found[w.name][m]['time']) for w in loads if w.series == name and m in found[w.name]]
            if points:
                shift = {0: 1} if any(x == 0 for x, _ in points) else {}
                axis.errorbar([x + shift.get(0, 0) for x, _ in points], [f['median'] for _, f in points], fmt=mark + '-', color=colour, markersize=4,
                              linewidth=1.2, markeredgewidth=0, label=modes.MODES[m].title,
                              yerr=[[f['median'] - f['low'] for _, f in points], [f['high'] - f['median'] for _, f in points]])
        axis.set_xscale('log')
        axis.set_yscale('log')
        ats = [w.at for w in loads if w.series == name]
        axis.set_xticks([a + (0 in ats) for a in ats], [f'{a:g}' if a < 10000 else f'10^{len(str(a)) - 1}' for a in ats])
        low, high = axis.get_ylim()
        steps = (0.5, 1, 2, 5, 10, 20, 50, 100) if high / low > 4 else (0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.5, 1.7, 2, 2.5, 3)
        ticks = [t for t in steps if low <= t <= high]
        axis.set_yticks(ticks, [f'{t:g}' for t in ticks])
        axis.minorticks_off()
        axis.axhline(1, color='black', linewidth=0.8)
        axis.grid(color='#e4e4e4', linewidth=0.6)
        axis.set_xlabel(name)
    axes[0][0].set_ylabel('time, ratio to native')
    handles = {label: h for axis in axes[0] for h, label in zip(*axis.get_legend_handles_labels())}
    figure.legend(handles.values(), handles.keys(), loc='upper center', ncol=6, fontsize=8, bbox_to_anchor=(0.5, 0.02))
    figure.tight_layout(rect=(0, 0.02, 1, 1))
    return figure


def alerts(plt, extras):
    figure, axes = plt.subplots(1, 2, figsize=(8.2, 2.6), sharey=True)
    for axis, (name, title) in zip(axes, (('alert_idle', 'idle'), ('alert_load', 'under load'))):
        rows = extras.get(name, {})
        for i, p in enumerate(('p50', 'p99', 'p99.9')):
            axis.bar([k + (i - 1) * 0.26 for k in range(len(rows))], [v[p] for v in rows.values()], 0.25,
                     color=('#9ecae1', '#4292c6', '#08519c')[i], label=p)
        axis.set_xticks(range(len(rows)), [modes.MODES[m].title.replace(' ', '\n') for m in rows])
        axis.axhline(10, color='#d55e00', linewidth=0.9, linestyle='--', label='aim for p99')
        axis.set_title(title)
        axis.grid(axis='y', color='#e4e4e4', linewidth=0.6)
        axis.set_axisbelow(True)
    axes[0].set_ylabel('milliseconds')
    axes[1].legend(fontsize=8, loc='upper left', bbox_to_anchor=(1.0, 1.0))
    figure.tight_layout()
    return figure


def draw(data, directory, kind='svg'):
    """Draws what the result has figures for; returns the names."""
    plt, found, loads = setup(), figures.figures(data), workload.load()
    pathlib.Path(directory).mkdir(parents=True, exist_ok=True)
    main = [n for n in found if loads[n].group in ('calls', 'programs', 'servers')]
    drawn = {}
    if batch := [n for n in main if not loads[n].higher_is_better]:
        drawn['time'] = dots(plt, found, batch, 'time', PLOTS['time'], True)
    if served := [n for n in main if loads[n].higher_is_better]:
        drawn['throughput'] = dots(plt, found, served, 'time', PLOTS['throughput'], True)
    if main:
        drawn['cpu'] = dots(plt, found, main, 'cpu', PLOTS['cpu'], True)
    if any(loads[n].series for n in found):
        drawn['growth'] = growth(plt, data, found)
    if data['extras'].get('alert_idle'):
        drawn['alerts'] = alerts(plt, data['extras'])
    for name, figure in drawn.items():
        save(plt, figure, directory, name, kind)
    return list(drawn)


def draw_elsewhere(file, directory, kind='svg'):
    """Draws with the Python that has matplotlib."""
    for python in dict.fromkeys((sys.executable, '/usr/bin/python3')):
        if subprocess.run([python, '-c', 'import matplotlib'], capture_output=True).returncode == 0:
            subprocess.run([python, __file__, str(file), str(directory), kind], check=True)
            return
    raise SystemExit('bench: plots need matplotlib (script/bootstrap --bench)')


if __name__ == '__main__':
    draw(figures.read(sys.argv[1]), sys.argv[2], *sys.argv[3:])
