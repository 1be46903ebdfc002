#!/usr/bin/env python3
"""The overhead bench works: its entries are sound, a short run gives every figure, a run that was stopped goes on, the stored page is what
the stored result says."""
import contextlib
import copy
import io
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'bench/overhead'))
import cell  # noqa: E402
import compare  # noqa: E402
import figures  # noqa: E402
import measure  # noqa: E402
import modes  # noqa: E402
import page  # noqa: E402
import servers  # noqa: E402
import tables  # noqa: E402
import workload  # noqa: E402

BUILD = pathlib.Path(os.environ.get('UNDERCOAT_BUILD', ROOT / 'build'))
MACHINE = {'kernel': '6.1', 'cpu': 'a', 'cpus': 2, 'memory_mib': 1, 'virtual': True, 'sync_wake_up': True, 'outer_filters': 0, 'seccomp_mode': 0,
           'load_before': 0.1, 'rules': 'some', 'cpu_time_from': 'cgroup', 'commit': 'c', 'changed': False}


def made_up(ratio, rounds=6):
    """A result in which `notify` costs `ratio` of native for two workloads."""
    data = {'format': 1, 'machine': MACHINE, 'rounds': rounds, 'seconds': 1, 'samples': {}, 'broken': {}, 'missing': {}, 'extras': {}, 'done': []}
    for name in ('openat+close', 'nginx, no keep-alive'):
        for mode, factor in (('native', 1), ('notify', ratio)):
            data['samples'].setdefault(name, {})[mode] = {
                str(r): [{'seconds': factor * (1 + r / 1000), 'cpu': factor * 2, 'memory': factor * 2**20}] for r in range(rounds)}
    return data


class Entries(unittest.TestCase):
    def test_name_what_there_is(self):
        loads = workload.load()
        self.assertGreater(len(loads), 40)
        for w in loads.values():
            with self.subTest(w.name):
                self.assertIn(w.driver, ('loop', 'command', 'server'))
                self.assertIn(w.group, workload.GROUPS)
                self.assertLessEqual({*w.modes, *w.aim, *w.blind}, set(modes.MODES))
                if w.driver == 'server':
                    self.assertIn(w.server, servers.SERVERS)
                    self.assertIn(w.load, servers.LOADS)

    def test_native_stands_first_and_last_and_nobody_always_stands_second(self):
        every = list(modes.MODES.values())
        orders = [[m.name for m in measure.order(every, n)] for n in range(len(every) - 1)]
        self.assertTrue(all(o[0] == o[-1] == 'native' and sorted(o[:-1]) == sorted(modes.MODES) for o in orders))
        self.assertEqual(len(every) - 1, len({o[1] for o in orders}))


class Accounts(unittest.TestCase):
    def test_both_versions_of_control_groups(self):
        self.assertEqual((1.5, 2.5), (cell.usage_of('1500000000\n'), cell.usage_of('usage_usec 2500000\nuser_usec 1\n')))
        self.assertEqual(30, cell.memory_of('cache 99\nrss 1\nshmem 2\ntotal_rss 10\ntotal_shmem 20\n'))
        self.assertEqual(12, cell.memory_of('anon 10\nfile 99\nshmem 2\n'))


class Figures(unittest.TestCase):
    def test_throughput_of_servers_and_time_of_the_rest(self):
        found = figures.figures(made_up(1.25))
        self.assertAlmostEqual(1.25, found['openat+close']['notify']['time']['median'])
        self.assertAlmostEqual(0.8, found['nginx, no keep-alive']['notify']['time']['median'])
        self.assertAlmostEqual(1.25, figures.total_cpu(made_up(1.25), 'notify')['median'])
        self.assertIn('1.25 (1.25–1.25)', tables.text(made_up(1.25)))

    def test_compare_names_what_became_worse_and_what_broke(self):
        before, after = made_up(1.1), made_up(1.3)
        rows = compare.changes(before, after, 0.01)
        self.assertEqual({('worse', 'openat+close', 'time'), ('worse', 'openat+close', 'cpu'), ('worse', 'nginx, no keep-alive', 'time'),
                          ('worse', 'nginx, no keep-alive', 'cpu')}, {(r[0], r[1], r[3]) for r in rows})
        self.assertEqual([], compare.changes(before, copy.deepcopy(before), 0.01))
        after['broken'] = {'find': {'notify': ['status 1']}}
        self.assertEqual(['find, notify: status 1'], compare.newly_broken(before, after))
        with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(io.StringIO()) as said:
            files = [pathlib.Path(scratch, n) for n in ('a', 'b')]
            for f, d in zip(files, (before, after)):
                f.write_text(json.dumps(d))
            self.assertEqual(1, compare.main([str(f) for f in files]))
            self.assertEqual(0, compare.main([str(files[0])] * 2))
        self.assertIn('4 worse, 0 better, 1 broken', said.getvalue())

    def test_the_page_is_what_the_stored_result_says(self):
        self.assertEqual(page.PAGE.read_text(), page.write(figures.read(page.STORED)), 'run script/bench page')


class Runs(unittest.TestCase):
    def overhead(self, *arguments):
        return subprocess.run([sys.executable, ROOT / 'bench/overhead', 'overhead', *map(str, arguments)], capture_output=True, text=True,
                              timeout=120, env={**os.environ, 'UNDERCOAT_BUILD': str(BUILD)})

    def test_a_short_run_and_its_resumption(self):
        with tempfile.TemporaryDirectory() as scratch:
            file = pathlib.Path(scratch, 'r.json')
            wanted = ['--only', 'openat+close, 1 processes;posix_spawn', '--modes', 'preload,notify,ptrace-all', '--json', file,
                      '--quick', '--rounds', 1]
            r = self.overhead(*wanted)
            self.assertEqual(0, r.returncode, r.stdout + r.stderr)
            samples = figures.read(file)['samples']
            for mode, count in (('native', 2), ('preload', 1), ('notify', 1), ('ptrace-all', 1)):
                for name in ('openat+close, 1 processes', 'posix_spawn'):
                    self.assertEqual(count, len(samples[name][mode]['0']), (name, mode))
                    self.assertTrue(all(s['seconds'] > 0 and s['cpu'] >= 0 for s in samples[name][mode]['0']))
            r = self.overhead(*wanted, '--resume')
            self.assertEqual((0, samples), (r.returncode, figures.read(file)['samples']), r.stderr)

    def test_a_name_that_does_not_exist_is_said(self):
        r = self.overhead('--only', 'nothing of this name')
        self.assertEqual((1, True), (r.returncode, "'nothing of this name'" in r.stderr), r.stderr)


if __name__ == '__main__':
    unittest.main()
