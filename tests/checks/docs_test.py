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

    def rows(self, page):
        """The rows of a page's tables as lists of cells, without heads."""
        lines = [l for l in (ROOT / page).read_text().splitlines() if l.startswith('|')]
        cells = [[c.strip() for c in l.strip('|').split('|')] for l in lines]
        return [c for i, c in enumerate(cells) if not set(''.join(c)) <= set('-: ') and (i + 1 == len(cells) or set(''.join(cells[i + 1])) - set('-: '))]

    def defined(self, file, test):
        """Whether the file has this test: a method (Class.method, or of any class), or a case of GoogleTest."""
        if not (ROOT / file).is_file():
            return False
        if not test:
            return True
        text, name = (ROOT / file).read_text(), re.escape(test.split('.')[-1])
        return re.search(rf'def {name}\(self' if file.endswith('.py') else rf'TEST(?:_F|_P)?\([^)]*\b{name}\)', text) is not None or \
            re.search(rf'^class {name}\(', text, re.M) is not None

    def test_every_row_of_threats_and_pitfalls_has_its_test(self):
        for page in ('docs/threat-model.md', 'docs/pitfalls.md'):
            rows = self.rows(page)
            self.assertGreater(len(rows), 10, page)
            for row in rows:
                tests = re.findall(r'`(tests/[^`:]+)(?:::([^`]+))?`', row[-1])
                with self.subTest(page=page, row=row[0]):
                    self.assertTrue(tests, 'no test shows it')
                    self.assertEqual([], [t for t in tests if not self.defined(*t)], 'not there')

    def test_every_pitfall_that_was_met_has_its_row(self):
        facts = ROOT.parent / 'shared/spec/CAPTURE_FACTS.md'
        if not facts.exists():
            self.skipTest('../shared/spec/CAPTURE_FACTS.md is not there')
        met = re.findall(r'^\d+\. ', facts.read_text().split('## Pitfalls met')[1].split('\n## ')[0], re.M)
        self.assertEqual(len(met), len(self.rows('docs/pitfalls.md')))

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
