#!/usr/bin/env python3
"""Records what bench/engine/workload.sh does and measures the rule engine on it.

usage: bench/engine.py [--rounds N] [--recording FILE] [RULES...]

The workload runs under instrument with a supervisor that only writes the ring records down, every call of them
(tests/tools/dump_supervisor). engine_bench then puts them into rings again.

--recording FILE   use this recording; it is made first if it does not exist
RULES              rules files; without them the three official ones in ../shared/rules, or else the packs of the tree"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).with_name('overhead')))
from modes import BUILD, OFFICIAL, ROOT  # noqa: E402


def record(recording, directory):
    (directory / 'work').mkdir()
    environment = {**os.environ, 'UNDERCOAT_SUPERVISOR': str(BUILD / 'tests/tools/dump_supervisor'), 'UNDERCOAT_DUMP_RAW': '1'}
    subprocess.run([BUILD / 'bundle/opt/undercoat/bin/instrument', '--events', recording, '--', ROOT / 'bench/engine/workload.sh',
                    directory / 'work'], env=environment, stdout=subprocess.DEVNULL, check=True, timeout=600)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=15)
    parser.add_argument('--recording', type=pathlib.Path)
    parser.add_argument('rules', nargs='*', type=pathlib.Path)
    given = parser.parse_args()
    rules = given.rules or [f for f in OFFICIAL if f.exists()]
    if not rules:
        print('The official rules are not in ../shared/rules; the packs of the tree are measured instead.', file=sys.stderr)
        rules = sorted((ROOT / 'rules/packs').glob('*.yaml'))
    with tempfile.TemporaryDirectory() as scratch:
        recording = (given.recording or pathlib.Path(scratch) / 'recording').absolute()
        if not recording.exists():
            record(recording, pathlib.Path(scratch))
        return subprocess.run([BUILD / 'bench/engine_bench', '--rounds', str(given.rounds), recording, *rules]).returncode


if __name__ == '__main__':
    sys.exit(main())
