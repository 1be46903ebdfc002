#!/usr/bin/env python3
"""usage: bundle.py DIRECTORY STAMP (PLACE FILE)... rules FILE...

Puts the bundle together: copies each program to its PLACE below DIRECTORY without debug information, and the rules packs to
DIRECTORY/rules. Each file appears whole or not at all (a running program is replaced, not overwritten)."""
import os
import pathlib
import shutil
import subprocess
import sys


def install(source, target, strip):
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f'.{target.name}.new')
    shutil.copy(source, fresh)
    if strip:
        subprocess.run(['strip', '--strip-debug' if target.suffix == '.so' else '--strip-all', fresh], check=True)
    os.chmod(fresh, 0o755 if strip else 0o644)
    os.replace(fresh, target)


def main():
    top, stamp, rest = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
    at = rest.index('rules')
    for place, source in zip(rest[:at:2], rest[1:at:2]):
        install(source, top / place, strip=True)
    packs = {pathlib.Path(p).name: p for p in rest[at + 1:]}
    (top / 'rules').mkdir(parents=True, exist_ok=True)
    for old in (top / 'rules').iterdir():
        if old.name not in packs:
            old.unlink()
    for name, source in packs.items():
        install(source, top / 'rules' / name, strip=False)
    stamp.write_text('\n'.join(sorted(str(p) for p in top.rglob('*'))) + '\n')


main()
