"""Real containers: whatever the image and the runtime take away, the workload's exit status and output are as without us, and it
alerts; where that cannot be, one line says so and the workload runs all the same."""
import json
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import images
from harness import Case

ENTRY = ['/opt/undercoat/bin/instrument', '--rules', '/etc/rules.yaml', '--alerts', 'stderr', '--json', '--']
NOBODY = 65534
DOCKER_CAPABILITIES = ['CAP_' + c for c in (
    'CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE').split()]
READY = 'UNDERCOAT_PRIORITY=security'

# What is taken away or added, by name: arguments of images.specification().
PLACES = {
    'docker': dict(capabilities=DOCKER_CAPABILITIES, read_only=False, seccomp=images.docker_profile()),
    'read-only root': dict(capabilities=DOCKER_CAPABILITIES),
    'no capabilities': dict(),
    'SYS_PTRACE': dict(capabilities=['CAP_SYS_PTRACE']),
    'other user': dict(user=NOBODY, seccomp=images.docker_profile()),
    'tiny /dev/shm': dict(shm='64k', user=NOBODY),
    'no /dev/shm': dict(shm=None, user=NOBODY),
    'no_new_privs': dict(no_new_privs=True, capabilities=DOCKER_CAPABILITIES, seccomp=images.docker_profile()),
    'no_new_privs, other user': dict(no_new_privs=True, user=NOBODY),
}


class ContainerCase(Case):
    def setUp(self):
        super().setUp()
        if why := images.why_not():
            self.skipTest(why)

    def container(self, kind, *command, **place):
        root = images.image(kind)
        if not place.get('read_only', True):
            root = pathlib.Path(shutil.copytree(root, tempfile.mkdtemp(dir=self.dir) + '/root', symlinks=True))
        c = images.Container(self.dir, images.specification(root, *command, **place))
        self.addCleanup(c.delete)
        return c

    @staticmethod
    def parted(err):
        """Standard error: the workload's lines, our messages, our alerts."""
        lines = err.splitlines()
        alerts = [json.loads(l) for l in lines if l.startswith('{')]
        ours = [l for l in lines if l.startswith('undercoat:')]
        return [l for l in lines if not l.startswith(('{', 'undercoat:'))], ours, alerts


class Entrypoint(ContainerCase):
    """instrument as the image's entrypoint."""

    @staticmethod
    def own_lines(out):
        """Without the variables that a static program finds, which no library of ours takes out (docs/limits.md)."""
        return [l for l in out.splitlines() if not l.startswith(('LD_PRELOAD=', 'UNDERCOAT_ADDED='))]

    def compare(self, kind, command, alerts, before=(), **place):
        """Runs `command` as it is and under us. Returns our messages."""
        bare = self.container(kind, *before, *command, env=[READY], undercoat=False, **place).run()
        seen = self.container(kind, *before, *ENTRY, *command, env=[READY], **place).run()
        said, ours, got = self.parted(seen.stderr)
        self.assertEqual(bare.returncode, seen.returncode, seen.stderr)
        self.assertEqual(bare.stdout.splitlines(), self.own_lines(seen.stdout), seen.stderr)
        self.assertEqual(bare.stderr.splitlines(), said)
        self.assertEqual(alerts, [a['rule'] for a in got if a['rule'] == 'Test shadow read'], seen.stderr)
        self.assertEqual(7, bare.returncode, bare.stderr)
        return ours

    def everywhere(self, kind):
        for name, place in PLACES.items():
            with self.subTest(place=name):
                # The program and its child open it, each once.
                ours = self.compare(kind, ['/bin/work', 'marker'], ['Test shadow read'] * 2, **place)
                self.assertLessEqual(len(ours), 1, ours)

    def test_glibc(self):
        self.everywhere('glibc')

    def test_musl(self):
        self.everywhere('musl')

    def test_scratch(self):
        self.everywhere('scratch')

    def test_below_an_init(self):
        for kind in ('glibc', 'musl'):
            with self.subTest(kind=kind):
                init = ['/bin/sh', '-c', 'sleep 0 & "$@"; exit $?', 'init']
                self.compare(kind, ['/bin/work'], ['Test shadow read'] * 2, before=init)

    def test_scripts(self):
        script = 'cat /etc/shadow | cat; env -i /bin/cat /etc/shadow; id; sh -c "exit 5" || (exit 7)'
        for kind in ('glibc', 'musl'):
            with self.subTest(kind=kind):
                self.compare(kind, ['/bin/sh', '-c', script], ['Test shadow read'] * 2)

    def test_a_signal_to_the_container(self):
        for kind in images.MAKERS:
            with self.subTest(kind=kind):
                c = self.container(kind, *ENTRY, '/bin/work', 'wait', env=[READY])
                running = c.start(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                self.addCleanup(self._end, running)
                self.assertEqual('waiting\n', running.stdout.readline())
                c.kill('TERM')
                out, err = running.communicate(timeout=20)
                self.assertEqual(9, running.returncode, err)
                self.assertRegex(out, r'^children at the end: No child process(es)?\n$')


class Refused(ContainerCase):
    """What the runtime refuses us costs the workload nothing, and one line says what is missing."""

    def run_refused(self, **place):
        r = self.container('glibc', *ENTRY, '/bin/work', env=[place.pop('variable', READY)], **place).run()
        said, ours, alerts = self.parted(r.stderr)
        self.assertEqual(7, r.returncode, r.stderr)
        self.assertIn('children at last: No child processes\nSIGCHLD came 1 times\n', r.stdout)
        self.assertEqual(['said on standard error'], said)
        self.assertEqual(1, len(ours), r.stderr)
        return ours[0], [a['rule'] for a in alerts]

    def test_shared_memory(self):
        said, _ = self.run_refused(seccomp=images.docker_profile('memfd_create'), variable='A=1')
        self.assertIn('memfd_create', said)

    def test_filters_and_tracers(self):
        said, alerts = self.run_refused(seccomp=images.docker_profile('seccomp', 'ptrace'), no_new_privs=True)
        self.assertIn('preload mode', said)
        self.assertEqual(['Test shadow read'] * 2, alerts)

    def test_descriptors(self):
        r = self.container('glibc', *ENTRY, '/bin/work', env=[READY], files=32).run()
        self.assertEqual(7, r.returncode, r.stderr)


if __name__ == '__main__':
    unittest.main()
