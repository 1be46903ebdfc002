#!/usr/bin/env python3
"""The layers: each source file includes only what the table in ARCHITECTURE.md allows its folder, nothing includes in a
circle, and libshim.so needs no library and imports only the symbols named here."""
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(__import__('os').environ.get('UNDERCOAT_BUILD', ROOT / 'build'))
SOURCES = {'.h', '.cc', '.c', '.S', '.inc'}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)
# Everything that the shim may take from outside itself, all of them weak: it works without each.
SHIM_IMPORTS = {
    '__errno_location', '___errno_location',  # the caller's errno; musl's name behind it
    'dl_iterate_phdr',                        # the link map
    'environ',                                # what the exec hooks pass on
}


def table():
    """folder -> (allowed folders, may include anything) from ARCHITECTURE.md, longest folders first."""
    rows = {}
    for line in (ROOT / 'ARCHITECTURE.md').read_text().splitlines():
        cells = [c.strip() for c in line.strip().strip('|').split('|')]
        if line.startswith('| `') and len(cells) == 3:
            allowed = re.findall(r'`([^`]+)/`', cells[2])
            for folder in re.findall(r'`([^`]+)/`', cells[0]):
                rows[folder] = (set(allowed), 'anything' in cells[2])
    return dict(sorted(rows.items(), key=lambda r: -len(r[0])))


def folder_of(path, rows):
    return next((f for f in rows if path == f or path.startswith(f + '/')), None)


def tracked():
    files = subprocess.run(['git', 'ls-files', '-co', '--exclude-standard'], cwd=ROOT, capture_output=True, text=True)
    names = files.stdout.split() if files.returncode == 0 else [str(p.relative_to(ROOT)) for p in ROOT.rglob('*')]
    return [n for n in names if pathlib.Path(n).suffix in SOURCES and (ROOT / n).is_file()]


class Layers(unittest.TestCase):
    maxDiff = None

    def test_every_source_folder_stands_in_the_table(self):
        rows = table()
        self.assertGreater(len(rows), 8, 'ARCHITECTURE.md has no layer table')
        self.assertEqual([], [n for n in tracked() if folder_of(n, rows) is None])

    def test_includes_obey_the_table(self):
        rows = table()
        wrong = []
        for name in tracked():
            here = folder_of(name, rows)
            if here is None:
                continue
            allowed, anything = rows[here]
            for include in INCLUDE.findall((ROOT / name).read_text(errors='replace')):
                there = folder_of(include, rows)
                if there is None and not (ROOT / include).exists() and '/' not in include:
                    wrong.append(f'{name}: "{include}" is not given from the top of the tree')
                elif there and there != here and not anything and there not in allowed:
                    wrong.append(f'{name}: {here}/ may not include {there}/ ("{include}")')
        self.assertEqual([], wrong)

    def test_no_include_cycles(self):
        graph = {n: [i for i in INCLUDE.findall((ROOT / n).read_text(errors='replace')) if (ROOT / i).is_file()]
                 for n in tracked()}
        done, path = set(), []

        def visit(node):
            if node in path:
                self.fail('include cycle: ' + ' -> '.join(path[path.index(node):] + [node]))
            if node in done:
                return
            path.append(node)
            for n in graph.get(node, []):
                visit(n)
            path.pop()
            done.add(node)
        for n in graph:
            visit(n)

    def test_folders_do_not_depend_on_each_other_in_a_circle(self):
        rows = table()
        order = []
        left = {f: {a for a in allowed if a in rows} for f, (allowed, _) in rows.items()}
        while left:
            free = [f for f, needs in left.items() if not needs - set(order)]
            self.assertTrue(free, f'a circle among {sorted(left)}')
            order += free
            for f in free:
                del left[f]


class Shim(unittest.TestCase):
    def setUp(self):
        found = sorted(BUILD.glob('libshim/libshim.so')) or sorted(BUILD.glob('bundle/opt/undercoat/lib/libshim.so'))
        if not found:
            self.fail(f'libshim.so is not built in {BUILD}')
        self.so = str(found[0])

    def run_tool(self, *command):
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def test_needs_no_library(self):
        self.assertNotIn('NEEDED', self.run_tool('readelf', '-dW', self.so))

    def test_imports_only_the_allowed_weak_symbols(self):
        strong, foreign = [], []
        for line in self.run_tool('readelf', '--dyn-syms', '-W', self.so).splitlines():
            f = line.split()
            if len(f) >= 8 and f[6] == 'UND':
                name = f[7].split('@')[0]
                strong += [name] if f[4] != 'WEAK' else []
                foreign += [name] if name not in SHIM_IMPORTS else []
        self.assertEqual([], strong, 'imports that are not weak')
        self.assertEqual([], foreign, 'imports that are not allowed')

    def test_has_two_load_segments(self):
        self.assertEqual(2, len(re.findall(r'^\s+LOAD\s', self.run_tool('readelf', '-lW', self.so), re.M)))


if __name__ == '__main__':
    unittest.main()
