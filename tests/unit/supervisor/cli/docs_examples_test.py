#!/usr/bin/env python3
"""The examples in docs/rules.md do what the page says. UNDERCOAT names the program."""
import os
import pathlib
import re
import shlex
import subprocess
import tempfile
import unittest

PROGRAM = os.environ['UNDERCOAT']
PAGE = (pathlib.Path(__file__).resolve().parents[4] / 'docs/rules.md').read_text()


def blocks(language):
    return [body for name, body in re.findall(r'^```(\w*)\n(.*?)^```$', PAGE, re.M | re.S) if name == language]


class Examples(unittest.TestCase):
    maxDiff = None

    def test_the_page(self):
        rules, tests, *others = blocks('yaml')
        passing, explaining, *_ = blocks('')
        command, shown = explaining.split('\n', 1)
        with tempfile.TemporaryDirectory() as directory:
            pathlib.Path(directory, 'my_rules.yaml').write_text(rules)
            pathlib.Path(directory, 'my_rules_test.yaml').write_text(tests)

            def run(words):
                return subprocess.run([PROGRAM, *words], cwd=directory, capture_output=True, text=True, timeout=60)
            done = run(['rules', 'test', 'my_rules_test.yaml'])
            self.assertEqual((0, passing), (done.returncode, done.stdout))
            self.assertEqual(['$', 'undercoat'], shlex.split(command)[:2])
            self.assertEqual(shown, run(shlex.split(command)[2:]).stdout)
            for other in others:
                pathlib.Path(directory, 'other.yaml').write_text(other)
                checked = run(['rules', 'check', 'other.yaml'])
                self.assertEqual((0, ''), (checked.returncode, checked.stderr), other)

    def test_every_command_exists(self):
        for words in re.findall(r'^\| `undercoat ([a-z]+(?: [a-z]+)?)', PAGE, re.M):
            help_text = subprocess.run([PROGRAM, *words.split(), '--help'], capture_output=True, text=True, timeout=60)
            self.assertEqual(0, help_text.returncode, words)


if __name__ == '__main__':
    unittest.main()
