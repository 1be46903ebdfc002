#!/usr/bin/env python3
"""Micro benchmark: what an operation costs under us, as a ratio to native, in one run.

usage: script/bench micro [--rounds N] [--json FILE] [--modes M,...] [CASE...]

Each round runs every mode once, in turn, so that a slow phase of the machine hits all alike; the figure of a mode is the
median over the rounds, its ratio the median of the rounds' ratios. Modes: native, preload, full, trap, ptrace-all (plain
PTRACE_SYSCALL) and, where it is installed, strace (--seccomp-bpf, file and network calls).
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).with_name('overhead')))
import modes  # noqa: E402

BUILD = modes.BUILD
BUNDLE = BUILD / 'bundle/opt/undercoat'
CASES = ['getppid', 'openat_close', 'udp_connect', 'tcp_refused', 'fork_exec', 'posix_spawn']


def commands():
    """The modes of bench/overhead, by this bench's names."""
    files = modes.rules(BUNDLE)[0]
    names = {'native': 'native', 'preload': 'preload', 'full': 'notify', 'trap': 'trap', 'ptrace-all': 'ptrace-all', 'strace': 'strace-seccomp'}
    return {n: modes.MODES[m].command(BUNDLE / 'bin/instrument', files) for n, m in names.items() if modes.MODES[m].available()}


def measure(command, cases):
    env = {**os.environ, 'UNDERCOAT_PRIORITY': 'security'}  # start when the rules are loaded
    r = subprocess.run([*command, str(BUILD / 'bench/micro'), *cases], capture_output=True, text=True, env=env, timeout=300)
    if r.returncode:
        sys.exit(f'bench: {" ".join(command)} micro: exit {r.returncode}: {r.stderr[-500:]}')
    return json.loads(r.stdout)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('--rounds', type=int, default=7)
    p.add_argument('--json', metavar='FILE')
    p.add_argument('--modes', default='')
    p.add_argument('cases', nargs='*', choices=[[], *CASES])
    o = p.parse_args()
    cases = o.cases or CASES
    ways = commands()
    if o.modes:
        ways = {m: ways[m] for m in ['native', *[m for m in o.modes.split(',') if m != 'native']]}
    samples = {m: {c: [] for c in cases} for m in ways}
    for i in range(o.rounds):
        for m, command in ways.items():
            for c, ns in measure(command, cases).items():
                samples[m][c].append(ns)
        print(f'round {i + 1} of {o.rounds}', file=sys.stderr, end='\r', flush=True)
    result = {m: {c: {'ns': round(statistics.median(v), 1),
                      'ratio': round(statistics.median(a / b for a, b in zip(v, samples['native'][c])), 3)}
                  for c, v in s.items()} for m, s in samples.items()}
    print(f'{"ns (ratio to native)":20s}' + ''.join(f'{c:>20s}' for c in cases))
    for m, s in result.items():
        print(f'{m:20s}' + ''.join(f'{v["ns"]:11.0f} ({v["ratio"]:6.2f})' for v in s.values()))
    if o.json:
        text = json.dumps({'rounds': o.rounds, 'cpus': os.cpu_count(), 'kernel': os.uname().release, 'modes': result}, indent=1)
        pathlib.Path(o.json).write_text(text + '\n')


main()
