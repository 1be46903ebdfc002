#!/usr/bin/env python3
"""Every Python file of the tree names only what it has: a bench or a test that nobody runs every day must not end in a NameError."""
import pathlib
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


class Names(unittest.TestCase):
    def test_no_unknown_and_no_unused_names(self):
        files = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard', '*.py'], cwd=ROOT, capture_output=True, text=True).stdout.split()
        files = files or [str(p.relative_to(ROOT)) for p in ROOT.rglob('*.py')]
        said = subprocess.run(['pyflakes3', *[f for f in files if (ROOT / f).is_file()]], cwd=ROOT, capture_output=True, text=True)
        self.assertEqual('', said.stdout + said.stderr)


if __name__ == '__main__':
    unittest.main()
