"""The collector's bench works: a short run gives every figure, a store that is not there is named, what is found is counted."""
import contextlib
import importlib.util
import io
import json
import os
import pathlib
import sys
import tempfile
import unittest
import unittest.mock

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault('UNDERCOAT_BUILD', str(ROOT / 'build'))
BENCH = ROOT / 'bench/collector'
ELSEWHERE = [str(BENCH), str(ROOT / 'bench/overhead'), str(ROOT / 'tests/e2e')]


def bench():
    """Its main module, which has a name that others have, too."""
    sys.path[:0] = [p for p in ELSEWHERE if p not in sys.path]
    spec = importlib.util.spec_from_file_location('bench_collector', BENCH / '__main__.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Collector(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.bench = bench()

    @classmethod
    def tearDownClass(cls):
        for name in [n for n, m in sys.modules.items() if str(getattr(m, '__file__', '')).startswith(tuple(ELSEWHERE[::2]))]:
            del sys.modules[name]
        sys.path[:] = [p for p in sys.path if p not in ELSEWHERE[::2]]

    def run_bench(self, *arguments):
        with tempfile.TemporaryDirectory() as d, contextlib.redirect_stdout(io.StringIO()) as out:
            file = pathlib.Path(d) / 'result.json'
            self.assertEqual(0, self.bench.main([*arguments, '--json', str(file)]))
            return json.loads(file.read_text()), out.getvalue()

    def test_a_short_run_gives_every_figure(self):
        result, text = self.run_bench('--quick', '--store', 'sqlite')
        figures = result['stores']['sqlite']['figures']
        self.assertEqual({'ingest', 'idle', 'search'}, {f['part'] for f in figures})
        self.assertTrue(all(f['value'] > 0 for f in figures), figures)
        self.assertEqual({20_000, 200}, {f['aim'] for f in figures if f['aim']})
        for f in figures:
            self.assertIn(f['name'], text)

    def test_a_store_that_is_not_there_is_named(self):
        with unittest.mock.patch.dict(os.environ, {'BENCH_POSTGRES': 'postgresql://who:x@wrong@127.0.0.1/database'}):
            result, text = self.run_bench('--quick', '--store', 'postgres')
        self.assertIn('URL is malformed', result['stores']['postgres']['missing'])
        self.assertRegex(text, r'postgres +not there: .*URL is malformed')

    def test_a_search_that_misses_what_is_there_is_an_error(self):
        search = self.bench.parts.searches.__globals__['Search']('a', {}, least=2)
        search.check({'alerts': [1, 2]})
        with self.assertRaises(AssertionError):
            search.check({'alerts': [1]})


if __name__ == '__main__':
    unittest.main()
