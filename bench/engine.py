#!/usr/bin/env python3
"""Records what bench/engine/workload.sh does and measures the rule engine on it.

usage: bench/engine.py [--rounds N] [--events FILE] [RULES...]

--events FILE   use this event log instead of recording one
RULES           rules files; without them the three official ones in ../shared/rules, or else the packs of the tree"""
import argparse
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).with_name('overhead')))
from modes import BUILD, OFFICIAL, ROOT  # noqa: E402


def record(directory):
    events = directory / 'events'
    (directory / 'work').mkdir()
    program = BUILD / 'bundle/opt/undercoat/bin/undercoat'
    subprocess.run([program, 'run', '--events', events, '--alerts', 'none', '--', ROOT / 'bench/engine/workload.sh', directory / 'work'],
                   stdout=subprocess.DEVNULL, check=True, timeout=600)
    return events


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=15)
    parser.add_argument('--events', type=pathlib.Path)
    parser.add_argument('rules', nargs='*', type=pathlib.Path)
    given = parser.parse_args()
    rules = given.rules or [f for f in OFFICIAL if f.exists()]
    if not rules:
        print('The official rules are not in ../shared/rules; the packs of the tree are measured instead.', file=sys.stderr)
        rules = sorted((ROOT / 'rules/packs').glob('*.yaml'))
    with tempfile.TemporaryDirectory() as scratch:
        events = given.events or record(pathlib.Path(scratch))
        return subprocess.run([BUILD / 'bench/engine_bench', '--rounds', str(given.rounds), events, *rules]).returncode


if __name__ == '__main__':
    sys.exit(main())
