#!/usr/bin/env python3
"""The docs say what is there: generated pages are up to date, links lead to files, every test named in the threat model
exists."""
import pathlib
import re
import subprocess
import sys
import tempfile
import tomllib
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def pages():
    return [p for p in [*ROOT.glob('*.md'), *ROOT.glob('docs/**/*.md'), *ROOT.glob('packaging/**/*.md')] if p.is_file()]


class Docs(unittest.TestCase):
    maxDiff = None

    def test_events_md_is_generated_from_the_table(self):
        with tempfile.TemporaryDirectory() as scratch:
            fresh = pathlib.Path(scratch, 'events.md')
            subprocess.run([sys.executable, ROOT / 'tools/gen_syscalls.py', ROOT / 'wire/local/syscalls.toml', 'docs', fresh],
                           check=True)
            self.assertEqual(fresh.read_text(), (ROOT / 'docs/events.md').read_text(),
                             'docs/events.md is out of date; run script/update-docs')

    def test_links_lead_somewhere(self):
        dead = []
        for page in pages():
            for target in re.findall(r'\]\(([^)#\s]+)', page.read_text()):
                if not re.match(r'[a-z]+:', target) and not (page.parent / target).exists():
                    dead.append(f'{page.relative_to(ROOT)}: {target}')
        self.assertEqual([], dead)

    def test_the_threat_model_names_real_tests(self):
        missing = []
        for name in re.findall(r'`((?:tests|bench)/[^`:]+)(?:::[^`]*)?`', (ROOT / 'docs/threat-model.md').read_text()):
            if not (ROOT / name).exists():
                missing.append(name)
        for file, test in re.findall(r'`(tests/[^`:]+)::([^`]+)`', (ROOT / 'docs/threat-model.md').read_text()):
            if (ROOT / file).exists() and test.split('.')[-1] not in (ROOT / file).read_text():
                missing.append(f'{file}::{test}')
        self.assertEqual([], missing)

    def test_exceptions_of_transparency_are_few_and_have_their_limit(self):
        listed = tomllib.loads((ROOT / 'tests/transparency/exceptions.toml').read_text())['exception']
        rows = [l[2:] for l in (ROOT / 'docs/limits.md').read_text().splitlines() if l.startswith('| ')]
        self.assertLess(len(listed), 10)
        self.assertEqual([], [e['limit'] for e in listed if not any(r.startswith(e['limit']) for r in rows)])

    def test_pages_name_existing_files(self):
        missing = []
        for page in pages():
            if page.name == 'plan.md':
                continue
            for name in re.findall(r'`((?:script|tools|docs|packaging|wire|rules|libshim|supervisor|bench|tests|base)/'
                                   r'[\w./-]+\.(?:h|cc|py|md|toml|yaml|sh|build))`', page.read_text()):
                if not (ROOT / name).exists():
                    missing.append(f'{page.relative_to(ROOT)}: {name}')
        self.assertEqual([], missing)


class Style(unittest.TestCase):
    def setUp(self):
        listed = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard'], cwd=ROOT, capture_output=True, text=True)
        self.code = [f for f in listed.stdout.split() if f.endswith(('.cc', '.h', '.c', '.py', '.S')) and (ROOT / f).is_file()]

    def test_no_file_over_800_lines(self):
        self.assertEqual([], [f for f in self.code if len((ROOT / f).read_text(errors='replace').splitlines()) > 800])

    def test_median_file_is_under_150_lines(self):
        lengths = sorted(len((ROOT / f).read_text(errors='replace').splitlines()) for f in self.code)
        self.assertLess(lengths[len(lengths) // 2] if lengths else 0, 150)

    def test_each_file_opens_with_its_purpose(self):
        bare = []
        for f in self.code:
            first = next((l for l in (ROOT / f).read_text(errors='replace').splitlines() if l and not l.startswith('#!')), '')
            if not first.startswith(('//', '/*', '"""', '#', "'''")) or first.startswith(('#include', '#pragma')):
                bare.append(f)
        self.assertEqual([], bare)


if __name__ == '__main__':
    unittest.main()
