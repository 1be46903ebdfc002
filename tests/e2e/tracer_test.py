"""Programs that are hard on a tracer behave as natively under each back end, and are still seen."""
import signal
import unittest

from harness import TRACERS, Case, under
from unbroken_test import Unbroken, tracee


@under(*TRACERS)
class Hard(Unbroken):
    def setUp(self):
        super().setUp()
        self.file = self.dir / 'watched'
        self.file.touch()

    def opens(self, done):
        return [e for e in done.calls('open', 'openat') if e['args'].get('name') == str(self.file)]

    def test_exec_by_a_thread_that_is_not_the_leader(self):
        for mode in ('full', 'trap'):
            for _ in range(5):
                done = self.as_natively(tracee('thread_exec'), self.file, '/bin/echo', 'executed', mode=mode)
                self.assertEqual('executed\n', done.out)
                execs = done.calls('execve')
                self.assertEqual([('thread_exec', 0), ('echo', 0)], [(e['proc.name'], e['result']) for e in execs])

    def test_children_by_every_kind_of_clone(self):
        for mode in ('full', 'trap'):
            done = self.as_natively(tracee('untraced'), self.file, mode=mode)
            self.assertEqual('clone 0\nclone untraced 0\nclone3 0\nclone without a signal 0\n', done.out)
            self.assertEqual(4, len(self.opens(done)), mode)

    def test_processes_that_are_killed_at_any_moment(self):
        for mode in ('full', 'trap'):
            done = self.run_under(tracee('kill_storm'), 200, self.file, mode=mode)
            self.assertEqual((0, 'killed 100 ended 100 other 0\n'), (done.returncode, done.out), done.err)

    def test_signals_arrive_as_they_were_sent(self):
        for mode in ('full', 'trap'):
            done = self.run_under(tracee('signal_storm'), 3000, self.file, mode=mode)
            self.assertEqual(f'signals 3000 sum {3000 * 3001 // 2} wrong 0 failed 0 timer runs\nended by {int(signal.SIGTRAP)}\n', done.out, done.err)

    def test_stops_and_continues(self):
        for mode in ('full', 'trap'):
            done = self.as_natively(tracee('group_stops'), 200, self.file, mode=mode)
            self.assertEqual('stopped 200 continued 200 ended by 9\n', done.out)

    def test_many_threads(self):
        for mode in ('full', 'trap'):
            done = self.as_natively(tracee('many_threads'), 3000, 300, self.file, mode=mode)
            self.assertEqual('threads 3000 opened 300 joined 3000\n', done.out)
            self.assertEqual(300, len(self.opens(done)))


class Exact(Case):
    """What only a tracer knows."""
    trap = 'ptrace'

    def test_results(self):
        script = ('import os, socket\nfor d in ("/", "%s/new"):\n try: os.mkdir(d)\n except OSError: pass\n'
                  's = socket.socket()\ntry: s.connect(("127.0.0.1", 1))\nexcept OSError: pass\nos.open("/etc/hostname", 0)') % self.dir
        for trap in TRACERS:
            with self.subTest(trap=trap):
                self.trap = trap
                if (self.dir / 'new').exists():
                    (self.dir / 'new').rmdir()
                done = self.run_under('python3', '-c', script, mode='trap')
                self.assertEqual(0, done.returncode, done.err)
                self.assertEqual([-17, 0], [e['result'] for e in done.calls('mkdir')])
                self.assertEqual([-111], [e['result'] for e in done.calls('connect') if e['result'] != -2])
                self.assertEqual([], [e for e in done.events if e['inferred']])

    def test_an_exec_that_fails(self):
        plain = self.dir / 'plain'
        plain.write_bytes(b'\x7fELF' + bytes(100))
        plain.chmod(0o755)
        for trap in TRACERS:
            with self.subTest(trap=trap):
                self.trap = trap
                done = self.run_under('python3', '-c', f'import os\ntry: os.execv("{plain}", ["a", "b"])\nexcept OSError: pass', mode='trap')
                self.assertEqual([-8], [e['result'] for e in done.calls('execve') if e['args'].get('filename') == str(plain)], done.err)

    def test_a_death_by_a_signal_is_told_with_it(self):
        done = self.run_under('python3', '-c', 'import subprocess\np = subprocess.Popen(["sleep", "100"])\np.kill()\np.wait()', mode='trap')
        self.assertIn(int(signal.SIGKILL), [e.get('result') for e in done.events if e['type'] == 'procexit'])


if __name__ == '__main__':
    unittest.main()
