#!/usr/bin/env python3
"""Broken files and what is said about each: NAME.yaml (or the files of a directory NAME, in order) beside NAME.txt.

rules/ is given to `undercoat rules check --verbose`, rule_tests/*_test.yaml to `undercoat rules test`, settings/ to `undercoat config
--config`. After a change of messages: ACCEPT=1 writes the .txt files; read the difference before committing it.

Must stay true: a message about a rules file has its code, its place and a caret; there are at least 100 of them.
"""
import os
import pathlib
import re
import subprocess
import unittest

HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = os.path.abspath(os.environ['UNDERCOAT'])
ACCEPT = os.environ.get('ACCEPT') == '1'
CODE = re.compile(r'^LOAD_[A-Z_]+ \([^)]+\): \S', re.M)
PLACE = re.compile(r'^ *(In )?[a-z][^:]*: \(\S+:\d+:\d+\)$', re.M)


def said(folder, *arguments, listing=True):
    """Exit status and output; without the `listing` on stdout what is said on stderr alone."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith('UNDERCOAT_')}
    r = subprocess.run([PROGRAM, *arguments], cwd=folder, env=environment, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT if listing else subprocess.PIPE, timeout=60)
    return r.returncode, (r.stdout if listing else r.stderr).decode('utf-8')  # messages are UTF-8 whatever the file holds


class BadFiles(unittest.TestCase):
    def compare(self, folder, name, code, output):
        golden = HERE / folder / f'{name}.txt'
        output = f'{output}exit status {code}\n'
        if ACCEPT:
            golden.write_text(output)
        self.assertTrue(golden.exists(), f'{golden} is missing; ACCEPT=1 writes it')
        self.assertEqual(output, golden.read_text(), name)

    def test_rules(self):
        folder = HERE / 'rules'
        names = sorted({p.stem for p in folder.glob('*.yaml')} | {p.name for p in folder.iterdir() if p.is_dir()})
        self.assertGreaterEqual(len(names), 100)
        for name in names:
            with self.subTest(name):
                files = sorted(str(p.relative_to(folder)) for p in (folder / name).glob('*.yaml')) or [f'{name}.yaml']
                code, output = said(folder, 'rules', 'check', '--verbose', *files)
                self.compare('rules', name, code, output)
                self.assertEqual(code, 1 if ': Invalid\n' in output else 0)
                self.assertTrue(CODE.search(output), output)
                self.assertTrue(PLACE.search(output), output)
                self.assertRegex(output, r'(?m)^ *\^$')

    def test_rule_tests(self):
        for path in sorted((HERE / 'rule_tests').glob('*_test.yaml')):
            with self.subTest(path.stem):
                code, output = said(path.parent, 'rules', 'test', path.name)
                self.compare('rule_tests', path.stem, code, output)
                self.assertEqual(code, 1)

    def test_settings(self):
        for path in sorted((HERE / 'settings').glob('*.yaml')):
            with self.subTest(path.stem):
                code, output = said(path.parent, 'config', '--config', path.name, listing=False)
                self.compare('settings', path.stem, code, output)
                self.assertEqual(code, 0 if 'undercoat: note: ' in output else 1)
                self.assertIn(path.name, output)


if __name__ == '__main__':
    unittest.main()
