"""What a workload can make us wait for: memory and files that it serves itself, itself stopped, all its threads at once."""
import os
import re
import subprocess
import unittest

from harness import Case
from unbroken_test import tracee

TOLD = re.compile(r'slowest (\d+)')


class FileSystem(Case):
    """A FUSE file system whose server is held like everybody else."""

    def served(self, clients, delay, mode):
        self.need_root()
        if not os.path.exists('/dev/fuse'):
            self.skipTest('there is no /dev/fuse')
        directory, file = self.dir / 'own', self.dir / 'watched'
        directory.mkdir(exist_ok=True)
        file.touch()
        private = ['unshare', '--mount', '--propagation', 'private']
        arguments = [tracee('own_filesystem'), directory, file, clients, delay]
        native = subprocess.run([*private, *map(str, arguments)], capture_output=True, text=True, timeout=60)
        if 'no fuse' in native.stdout:
            self.skipTest(native.stdout.strip())
        done = self.run_under(*arguments, mode=mode, prefix=private, timeout=60)
        self.assertEqual((0, f'opened {clients}'), (done.returncode, done.out.split('\n')[0]), done.err)
        inside = [e for e in done.calls('open', 'openat') if e['args'].get('name') == str(directory / 'inside')]
        self.assertEqual(clients, len(inside), 'each look of theirs is told once')
        return int(TOLD.search(done.out)[1]), int(TOLD.search(native.stdout)[1])

    def test_its_server_is_held_too(self):
        for mode in ('full', 'trap'):
            with self.subTest(mode=mode):
                self.served(1, 0, mode)

    def test_many_look_into_it_at_once(self):
        self.served(100, 1, 'full')

    def test_a_slow_one_holds_nobody_else_up(self):
        ours, native = self.served(8, 300, 'full')
        self.assertLess(ours, native + 250, 'a call that has nothing to do with it')


class Target(Case):
    def test_a_stopped_program_holds_nobody_up(self):
        """Stopped while its calls are held, and going on: others are served, it loses nothing."""
        script = ('"$0" 2 3000 raw & a=$!; for i in $(seq 40); do kill -STOP $a; kill -STOP $(cat /proc/$a/task/*/children); cat /etc/hostname '
                  '>/dev/null; kill -CONT $(cat /proc/$a/task/*/children) $a; done 2>/dev/null; wait $a; echo ended $?')
        done = self.run_under('bash', '-c', script, tracee('held_load'), mode='trap', timeout=60)
        self.assertEqual('ended 0', done.out.splitlines()[-1], done.err)
        names = [e['args'].get('name') for e in done.calls('openat') if '/uc-' in str(e['args'].get('name'))]
        self.assertEqual(6000, len(set(names)))

    def test_a_program_that_dies_while_it_is_held(self):
        script = ('for i in $(seq 30); do "$0" 2 100000 raw >/dev/null & a=$!; read -t 0.02 x <> <(:); kill -9 $(cat /proc/$a/task/*/children) $a; '
                  'done 2>/dev/null; cat /etc/shadow >/dev/null; echo on')
        done = self.run_under('bash', '-c', script, tracee('held_load'), mode='trap', timeout=60)
        self.assertEqual('on', done.out.splitlines()[-1], done.err)
        self.assertEqual(['Test shadow read'], done.rules())

    def test_a_thousand_callers_at_once(self):
        done = self.run_under(tracee('held_load'), 1000, 3, 'raw', mode='trap', timeout=60)
        self.assertEqual([], [l for l in done.out.splitlines() if not l.startswith(('started', 'slowest'))], done.err)
        names = [e['args'].get('name') for e in done.calls('openat') if '/uc-' in str(e['args'].get('name'))]
        self.assertEqual((3000, 3000), (len(names), len(set(names))))


class Exhausted(Case):
    """The workload has used up what it is allowed; it gets the errors it would get natively, and is seen."""

    def as_natively(self, script):
        native = subprocess.run(['python3', '-c', script], capture_output=True, text=True, env=self.environment(), timeout=60)
        for mode in ('full', 'trap', 'preload'):
            with self.subTest(mode=mode):
                done = self.run_under('python3', '-c', script, mode=mode)
                self.assertEqual((native.returncode, native.stdout), (done.returncode, done.out), done.err)
                self.assertIn('Test shadow read', done.rules())

    def test_descriptors(self):
        self.as_natively('import os, resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\nn = 0\n'
                         'try:\n while True:\n  last = os.open("/dev/null", 0); n += 1\nexcept OSError as e: print(n > 30, e.errno)\n'
                         'os.close(last)\nprint(os.close(os.open("/etc/shadow", 0)))')

    def test_address_space(self):
        self.as_natively('import os, resource\nresource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))\n'
                         'try: bytearray(1 << 30)\nexcept MemoryError: print("no memory")\nos.close(os.open("/etc/shadow", 0))')

    def test_shared_memory(self):
        self.need_root()
        script = 'head -c 2000000 /dev/zero >/dev/shm/full 2>/dev/null; cat /etc/shadow | wc -l | grep -c .'
        prefix = ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', 'mount -t tmpfs -o size=1m none /dev/shm && exec "$@"', 'sh']
        done = self.run_under('sh', '-c', script, prefix=prefix)
        self.assertEqual((0, '1\n'), (done.returncode, done.out), done.err)
        self.assertIn('Test shadow read', done.rules())


if __name__ == '__main__':
    unittest.main()
