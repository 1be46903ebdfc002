"""What is measured once and not as a ratio of a workload: from a call to its alert, the start, the size of the bundle, the memory of each
process.

Must stay true: every wait has a deadline; times of one run come from one clock (CLOCK_MONOTONIC, which the program and we share).
"""
import json
import os
import pathlib
import re
import statistics
import subprocess
import tempfile
import threading
import time

import cell
import drivers
import modes
import stats

ALERT_RULE = '''- rule: Bench alert
  desc: the file of the bench was opened
  condition: evt.type in (open, openat, openat2, creat) and fd.name startswith {prefix}
  output: bench-call %fd.name
  priority: WARNING
'''


def alert_latency(place, mode, count, pause, load):
    """Milliseconds from before a call to its alert at the reader of our standard output: {p50, p99, p99.9, max, calls, unseen}."""
    prefix = f'{place.fixtures.scratch}/alert-'
    rule = place.fixtures.scratch / 'alert.yaml'
    rule.write_text(ALERT_RULE.format(prefix=prefix))
    seen = {}

    def reader(stream):
        for line in stream:
            now = time.monotonic_ns()
            if found := re.search(rb'bench-call \S*/alert-(\d+)', line):
                seen.setdefault(int(found[1]), now)

    with tempfile.TemporaryFile() as errors, tempfile.NamedTemporaryFile(dir=place.fixtures.scratch) as report:
        box, kept = cell.Cell(place.groups), place.rules
        place.rules = [*kept, rule]
        try:
            p = drivers.start(place, None, mode, [place.fixtures.program('alerts'), prefix, str(count), str(pause), str(load)],
                              {'BENCH_REPORT': report.name}, box, errors, 'stdout', subprocess.PIPE)
            thread = threading.Thread(target=reader, args=(p.stdout,))
            thread.start()
            status = drivers.wait(p)
            thread.join(10)
            began = dict(map(int, line.split()) for line in pathlib.Path(report.name).read_text().splitlines())
            if status or not seen:
                raise RuntimeError(drivers.last_words(f'status {status}, {len(seen)} alerts', errors))
        finally:
            place.rules = kept
            box.close()
    took = [(seen[i] - began[i]) / 1e6 for i in seen if i in began]
    return {**{f'p{p}': stats.percentile(took, p) for p in (50, 99, 99.9)}, 'max': max(took), 'calls': count, 'unseen': count - len(took)}


def first_instruction(place, mode, priority):
    """Seconds from starting the command to the first instruction of its program's main."""
    with tempfile.TemporaryFile() as errors, tempfile.NamedTemporaryFile(dir=place.fixtures.scratch) as report:
        box = cell.Cell(place.groups)
        try:
            began = time.monotonic_ns()
            p = drivers.start(place, None, mode, [place.fixtures.program('stopwatch'), '0', '0'],
                              {'BENCH_REPORT': report.name, 'UNDERCOAT_PRIORITY': priority}, box, errors)
            status = drivers.wait(p)
            ended = time.monotonic_ns()
            said = pathlib.Path(report.name).read_text()
            if status or not said:
                raise RuntimeError(drivers.last_words(f'status {status}', errors))
            return (json.loads(said)['began'] * 1e9 - began) / 1e9, (ended - began) / 1e9, box.cpu()
        finally:
            box.close()


def startup(place, chosen, rounds):
    """{mode: {priority: {first, whole, cpu}}}, medians, in milliseconds above native's. With priority `security` the program starts when the
    rules are loaded, so its first instruction is the time to the first rule."""
    found = {}
    for _ in range(rounds):
        for mode in chosen:
            for priority in ('availability', 'security') if mode.options else ('security',):
                found.setdefault((mode.name, priority), []).append(first_instruction(place, mode, priority))
    native = [statistics.median(column) for column in zip(*found[('native', 'security')])]
    result = {}
    for (mode, priority), rows in found.items():
        if mode != 'native':
            middle = [statistics.median(column) - n for column, n in zip(zip(*rows), native)]
            result.setdefault(mode, {})[priority] = {k: round(v * 1e3, 2) for k, v in zip(('first', 'whole', 'cpu'), middle)}
    return result


def process_memory(place, mode):
    """[{name, rss, pss}] in KiB of each of our processes beside a program that sleeps, and what the program itself has more than native."""
    with tempfile.TemporaryFile() as errors:
        box = cell.Cell(place.groups)
        try:
            p = drivers.start(place, None, mode, ['sleep', '100'], {}, box, errors)
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline and 'sleep' not in [r['name'] for r in processes(box)]:
                if p.poll() is not None:
                    raise RuntimeError(drivers.last_words(f'status {p.returncode}', errors))
                time.sleep(0.02)
            box.settled(2)
            rows = processes(box)
            box.end()
            p.wait()
            return rows
        finally:
            box.close()


def processes(box):
    rows = []
    for pid in sorted(box.processes()):
        try:
            name = pathlib.Path(f'/proc/{pid}/comm').read_text().strip()
            v = dict(re.findall(r'^(\w+):\s+(\d+) kB', pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text(), re.M))
            rows.append({'name': name, 'rss': int(v['Rss']), 'pss': int(v['Pss'])})
        except (OSError, KeyError):
            continue
    return rows


def bundle(root=None):
    """Bytes of each program of the bundle, and of the rules."""
    root = pathlib.Path(root or modes.BUILD / 'bundle/opt/undercoat')
    sizes = {}
    for file in root.rglob('*'):
        if file.is_file():
            name = 'rules' if 'rules' in file.relative_to(root).parts else file.name
            sizes[name] = sizes.get(name, 0) + os.stat(file).st_size
    return sizes


def take(place, chosen, quick, into, again):
    """Fills `into` with what is not there yet; `again()` is called after each part, to store it."""
    ours = [m for m in chosen if m.options]
    calls, repeats = (100, 2) if quick else (2000, 9)
    parts = {
        'bundle': lambda: bundle(),
        'memory': lambda: {m.name: process_memory(place, m) for m in ours},
        'startup': lambda: startup(place, [modes.MODES['native'], *ours], repeats),
        'alert_idle': lambda: {m.name: alert_latency(place, m, calls, 2000, 0) for m in ours},
        'alert_load': lambda: {m.name: alert_latency(place, m, calls, 2000, 2) for m in ours},
    }
    for name, measure in parts.items():
        if name not in into and (ours or name == 'bundle'):
            try:
                into[name] = measure()
            except (RuntimeError, OSError, ValueError, KeyError) as e:
                into.setdefault('broken', {})[name] = str(e)
                print(f'bench: {name}: {e}', flush=True)
            again()
