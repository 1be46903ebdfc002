"""What our processes take, and that nothing of it grows while processes, threads and executions come and go.

SOAK_SECONDS: how long the load lasts (300), half of it in each mode; the figures of the second fifth are held against those of the last.
"""
import collections
import contextlib
import os
import pathlib
import re
import statistics
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / 'e2e'))

from harness import ROOT, Case, children_of, wait_for
from unbroken_test import tracee

SECONDS = int(os.environ.get('SOAK_SECONDS', '300')) // 2
RULES = [ROOT.parent / 'shared/rules' / name for name in ('falco_rules.yaml', 'falco-incubating_rules.yaml', 'falco-sandbox_rules.yaml')]
OURS = {'instrument', 'undercoat', 'supervisor', 'witness'}


def family(pid):
    """This process of ours and those below it: (pid, name)."""
    with contextlib.suppress(OSError):
        name = pathlib.Path(f'/proc/{pid}/comm').read_text().strip()
        if name in OURS:
            return [(pid, name)] + [p for child in children_of(pid) for p in family(child)]
    return []


def figures(pid):
    """KiB of its own memory (rings hold what the load has just written) and with files; descriptors, threads. None: it has ended."""
    with contextlib.suppress(OSError, KeyError):
        status = pathlib.Path(f'/proc/{pid}/status').read_text()
        number = {name: int(value) for name, value in re.findall(r'(RssAnon|RssFile|Threads):\s+(\d+)', status)}
        return {'KiB': number['RssAnon'], 'KiB with files': number['RssAnon'] + number['RssFile'], 'threads': number['Threads'],
                'descriptors': len(os.listdir(f'/proc/{pid}/fd'))}
    return None


class Soak(Case):
    def sampled(self, mode, seconds):
        """Runs the load and looks at our processes: {(name, figure): [values]}, and what the load said."""
        running = self.start_under(tracee('churn'), seconds, 2, mode=mode, rules=[r for r in RULES if r.exists()] or None,
                                   options=('--events', '/dev/null'), cwd=self.dir)
        out, samples = [], collections.defaultdict(list)
        wait_for(lambda: any(n == 'supervisor' for _, n in family(running.process.pid)), 'a supervisor')
        while running.process.poll() is None:
            for pid, name in family(running.process.pid):
                for figure, value in (figures(pid) or {}).items():
                    samples[name, figure].append(value)
            with contextlib.suppress(subprocess.TimeoutExpired):
                running.process.wait(seconds / 100)
        out, err = running.process.communicate()
        self.assertEqual(0, running.process.returncode, err.decode())
        return samples, out.decode()

    def check(self, mode):
        samples, out = self.sampled(mode, SECONDS)
        self.assertEqual([], [l for l in out.splitlines() if not l.startswith('turns ')])
        self.assertGreater(sum(int(l.split()[1]) for l in out.splitlines()), 100)
        names = {name for name, _ in samples}
        self.assertLessEqual({'instrument', 'supervisor'}, names)
        for (name, figure), values in samples.items():
            fifth = len(values) // 5
            self.assertGreater(fifth, 5, name)
            of, room = (statistics.median, 512) if 'KiB' in figure else (min, 8)  # descriptors are held for whoever lives just then
            early, late = of(values[fifth:2 * fifth]), of(values[-fifth:])
            room += early / 20
            self.assertLessEqual(late, early + room, f'{name}: {figure} in {mode} mode: {values[::max(1, fifth // 4)]}')
        return samples

    def test_in_full_mode(self):
        samples = self.check('full')
        for name in ('instrument', 'undercoat'):  # init and the trap process
            self.assertLess(max(samples[name, 'KiB with files']), 3 * 1024, name)
        self.assertLess(max(samples['supervisor', 'KiB with files']), 64 * 1024)

    def test_in_preload_mode(self):
        self.check('preload')

