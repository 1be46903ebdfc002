"""Runs the *.tests of a folder with a shell and compares each output with what stands beside it in *.right.

usage: shell_tests.py SHELL HELPERS TREE ROOT [TEST...]    TREE is copied to ./tree first; the tests are those below its part ROOT, which
call programs that are built from the sources in HELPERS
Must stay true: a result says how many lines differ, not which: some hold pids.
"""
import difflib
import os
import pathlib
import shutil
import subprocess
import sys

shell, helpers, source, root, wanted = sys.argv[1], *map(pathlib.Path, sys.argv[2:4]), sys.argv[4], set(sys.argv[5:])
shutil.copytree(source, 'tree', symlinks=True)
top = pathlib.Path('tree', root).resolve()
tools = pathlib.Path('tools').resolve()
tools.mkdir()
for file in helpers.glob('*.c'):
    subprocess.run(['gcc', '-w', '-O1', '-o', tools / file.stem, file], check=True)
os.symlink(shell, tools / 'ash')
for variable in ('LANG', 'LC_ALL'):
    os.environ.pop(variable, None)
os.environ.update(THIS_SH=shell, TOPDIR=str(top), BUILD_DIR=str(top.parent), BASH_TSTOUT=os.path.abspath('out'),
                  PATH=f'.:{tools}:' + os.environ['PATH'])
results = open(os.environ['TRANSPARENCY_RESULTS'], 'a', buffering=1)


def one(file, right):
    try:
        r = subprocess.run([shell, './' + file.name], cwd=file.parent, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, timeout=40)
    except subprocess.TimeoutExpired:
        return 'not within 40 s'
    ours, theirs = r.stdout.decode(errors='replace').splitlines(), right.read_text(errors='replace').splitlines()
    changed = [l for l in difflib.unified_diff(theirs, ours, lineterm='', n=0) if l[:1] in '+-' and l[:3] not in ('+++', '---')]
    if changed:
        print(file, *changed[:60], sep='\n', flush=True)
    return 'ok' if not changed else f'{len(changed)} lines differ'


for file in sorted(top.rglob('*.tests')):
    right = file.with_suffix('.right')
    name = str(file.relative_to(top))
    if right.exists() and '_slow' not in name and (not wanted or name in wanted):
        results.write(f'{name}\tbegun\n')
        results.write(f'{name}\t{one(file, right)}\n')
