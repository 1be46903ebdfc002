"""In gVisor, as on Cloud Run: no listeners, no process_vm_readv, no pidfds, old stop order; calls are held by ptrace.

Debian's runsc runs the bundle in a sandbox over the machine's own root file system; what it writes stays inside.
"""
import collections
import json
import shutil
import subprocess

from demo_test import IN_BOTH, OFFICIAL
from harness import INSTRUMENT, ROOT, Case

RUNSC = ['runsc', '--rootless', '--network=none', '--ignore-cgroups', '--platform=ptrace', 'do']
READ_SHADOW = r'''
#include <fcntl.h>
#include <unistd.h>
int main(void) { int fd = open("/etc/shadow", O_RDONLY); char c; return fd < 0 || read(fd, &c, 1) != 1; }
'''


class Gvisor(Case):
    def setUp(self):
        super().setUp()
        self.need_root()
        if not shutil.which('runsc'):
            self.skipTest('runsc is not installed')
        if self.sandbox('true').returncode:
            self.skipTest('runsc cannot start a sandbox here')

    def sandbox(self, *command, timeout=120):
        return subprocess.run([*RUNSC, *map(str, command)], capture_output=True, text=True, errors='replace', timeout=timeout,
                              stdin=subprocess.DEVNULL, cwd='/', env=self.environment())

    def inside(self, *command, mode='full', options=()):
        """Runs a command under instrument in a sandbox: its exit status, what it wrote, the alerts' rules, the events."""
        r = self.sandbox('sh', '-c', '"$@"; echo "status $?"; cat /tmp/uc-alerts /tmp/uc-events >&2', 'sh', INSTRUMENT, '--mode', mode,
                         '--json', *options, '--rules', self.rules_file, '--alerts', '/tmp/uc-alerts', '--events', '/tmp/uc-events',
                         '--', *command)
        lines = [json.loads(l) for l in r.stderr.splitlines() if l.startswith('{')]
        out, _, status = r.stdout.rpartition('status ')
        return int(status), out, [l['rule'] for l in lines if 'rule' in l], [l for l in lines if 'type' in l], r.stderr

    def alerts_once(self, *command, mode='full', options=()):
        status, _, rules, events, err = self.inside(*command, mode=mode, options=options)
        self.assertEqual((0, ['Test shadow read']), (status, rules), err[:3000])
        return events

    def test_a_dynamic_program(self):
        for mode in ('full', 'trap', 'preload'):
            with self.subTest(mode=mode):
                self.alerts_once('cat', '/etc/shadow', mode=mode)

    def test_many_short_programs(self):
        """A parent with a ring of its own has children that live; in preload mode, too, where the sandbox forgets who has sent a
        word when its sender is reaped, what they have told is heard."""
        for mode in ('full', 'preload'):
            with self.subTest(mode=mode):
                status, _, rules, events, err = self.inside(
                    'bash', '-c', 'for i in $(seq 20); do cat /etc/shadow || exit; (cat /etc/shadow; exit 0) || exit; done', mode=mode)
                self.assertEqual((0, ['Test shadow read'] * 40), (status, rules), err[:3000])
                self.assertEqual(42, sum(e['type'] == 'execve' and e['result'] == 0 for e in events))

    def test_a_static_program(self):
        program = self.compile(READ_SHADOW, 'static', '-static')
        for mode, options in (('full', ()), ('trap', ()), ('trap', ('--trap', 'ptrace-all'))):
            with self.subTest(mode=mode, options=options):
                events = self.alerts_once(program, mode=mode, options=options)
                self.assertEqual({'ptrace'}, {e['origin'] for e in events})

    def test_status_and_output(self):
        for mode in ('full', 'trap', 'preload'):
            with self.subTest(mode=mode):
                status, out, _, _, err = self.inside('sh', '-c', 'echo first; (exit 3); echo $?; kill -TERM $$', mode=mode)
                self.assertEqual((128 + 15, 'first\n3\n'), (status, out.replace('Terminated\n', '')), err[:3000])

    def test_results_are_exact(self):
        _, _, _, events, err = self.inside('python3', '-c', 'import os\ntry: os.mkdir("/tmp")\nexcept FileExistsError: pass\nos.mkdir("/tmp/uc")',
                                           mode='trap')
        self.assertEqual([-17, 0], [e['result'] for e in events if e['type'] == 'mkdir'], err[:3000])
        self.assertEqual([], [e for e in events if e['inferred']])

    def test_the_demo(self):
        # The demo plants this; a package of the machine's may have it. What is taken away here is taken away in the sandbox only.
        r = self.sandbox('sh', '-c', 'rm -f /bin/hello; exec "$@"', 'sh', 'python3', ROOT / 'demo/demo.py', '--json')
        rules = collections.Counter(json.loads(l)['rule'] for l in r.stdout.splitlines() if l.startswith('{'))
        for rule in IN_BOTH | OFFICIAL:
            self.assertGreaterEqual(rules[rule], 2, (rule, rules, r.stderr[-2000:]))


if __name__ == '__main__':
    import unittest
    unittest.main()
