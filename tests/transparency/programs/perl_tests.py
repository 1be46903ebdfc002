"""Runs perl's core tests with the installed perl: a test file a result, with the numbers of the tests in it that fail.

usage: perl_tests.py TREE FOLDER [FILE...]    FOLDER: a part of t/
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys

tree, folder, wanted = pathlib.Path(sys.argv[1]), sys.argv[2], set(sys.argv[3:])
for part in ('t', 'lib', 'cpan', 'dist', 'ext'):
    if (tree / part).is_dir() and part in ('t', 'lib'):
        shutil.copytree(tree / part, part, symlinks=True)
shutil.copy(tree / 'TestInit.pm', '.')
os.chdir('t')
os.symlink('/usr/bin/perl', 'perl')
results = open(os.environ['TRANSPARENCY_RESULTS'], 'a', buffering=1)
os.environ.update(PERL_CORE='1', PERL_SKIP_TTY_TEST='1')


def one(file):
    switches = re.match(r'#!.*?perl[\d.]*((?: +-\w+)*)', file.read_text(errors='replace'))
    flags = switches[1].split() if switches else []
    try:
        r = subprocess.run(['./perl', *flags, str(file)], stdin=subprocess.DEVNULL, capture_output=True, timeout=60)
    except subprocess.TimeoutExpired:
        return 'not within 60 s'
    text = r.stdout.decode(errors='replace')
    bad = [int(n) for n, rest in re.findall(r'^not ok (\d+)(.*)$', text, re.M) if 'TODO' not in rest.upper()]
    if bad or r.returncode:
        print(file, bad, r.stderr.decode(errors='replace')[-1500:], flush=True)
    return f'{len(re.findall(r"^ok ", text, re.M))} ok, not ok {bad[:30]}, status {r.returncode}'


for file in sorted(pathlib.Path(folder).glob('*.t')):
    if not wanted or str(file) in wanted:
        results.write(f'{file}\tbegun\n')
        results.write(f'{file}\t{one(file)}\n')
