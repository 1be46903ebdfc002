"""Real containers: whatever the image and the runtime take away, the workload's exit status and output are as without us, and it
alerts; where that cannot be, one line says so and the workload runs all the same."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

import images
from harness import BUNDLE, Case, lines_of_json, wait_for

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
        for kind in ('glibc', 'musl', 'scratch'):
            with self.subTest(kind=kind):
                c = self.container(kind, *ENTRY, '/bin/work', 'wait', env=[READY])
                running = c.start(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                self.addCleanup(self._end, running)
                self.addCleanup(c.delete)
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


PRELOAD = 'LD_PRELOAD=/opt/undercoat/lib/libshim.so'
IMAGE_ENV = [PRELOAD, 'UNDERCOAT_RULES=/etc/rules.yaml', 'UNDERCOAT_FORMAT=json']


class EnvironmentAlone(ContainerCase):
    """LD_PRELOAD in the image's ENV and no entrypoint: the application stays PID 1."""

    def run_both(self, kind, *command, env=(), **place):
        bare = self.container(kind, *command, env=env, undercoat=False, **place).run()
        seen = self.container(kind, *command, env=[*env, *IMAGE_ENV], **place).run()
        said, ours, alerts = self.parted(seen.stderr)
        out = [l for l in seen.stdout.splitlines() if l not in IMAGE_ENV]
        self.assertEqual((bare.returncode, bare.stdout.splitlines(), bare.stderr.splitlines()), (seen.returncode, out, said), seen.stderr)
        return ours, [a['rule'] for a in alerts]

    def test_everywhere(self):
        for kind in ('glibc', 'musl'):
            for name, place in PLACES.items():
                with self.subTest(kind=kind, place=name):
                    ours, rules = self.run_both(kind, '/bin/work', 'marker', **place)
                    self.assertEqual(['Test spawned program'] + ['Test shadow read'] * 2, rules)
                    self.assertLessEqual(len(ours), 1, ours)

    def test_scripts(self):
        script = 'cat /etc/shadow | cat; env -i /bin/cat /etc/shadow; (exit 5) || exit 6'
        _, rules = self.run_both('glibc', '/bin/sh', '-c', script)
        self.assertEqual(['Test shadow read'] * 2, rules)

    def test_an_application_of_another_program(self):
        """PID 1 executes another program: the same process, the same agent."""
        _, rules = self.run_both('glibc', '/bin/sh', '-c', 'exec env A=1 /bin/work marker')
        self.assertEqual(2, rules.count('Test shadow read'))

    def test_without_us_in_the_image(self):
        """The library alone, without instrument beside it, does nothing."""
        place = self.dir / 'lib'
        place.mkdir()
        shutil.copy(BUNDLE / 'lib/libshim.so', place)
        preload = 'LD_PRELOAD=/out/lib/libshim.so'
        seen = self.container('glibc', '/bin/work', env=[preload], undercoat=False, out=self.dir).run()
        bare = self.container('glibc', '/bin/work', undercoat=False, out=self.dir).run()
        out = [l for l in seen.stdout.splitlines() if l != preload]
        self.assertEqual((bare.returncode, bare.stdout.splitlines(), bare.stderr), (seen.returncode, out, seen.stderr))

    def test_no_filter_permitted(self):
        ours, rules = self.run_both('glibc', '/bin/work', seccomp=images.docker_profile('seccomp', 'ptrace'), no_new_privs=True)
        self.assertEqual(1, len(ours))
        self.assertIn('preload mode', ours[0])
        self.assertEqual(['Test shadow read'] * 2, rules)

    def test_no_shared_memory(self):
        ours, _ = self.run_both('glibc', '/bin/work', seccomp=images.docker_profile('memfd_create'))
        self.assertEqual(1, len(ours), ours)
        self.assertIn('memfd_create', ours[0])

    def test_rules_first(self):
        """UNDERCOAT_PRIORITY=security: what cannot be watched is not run."""
        env = [*IMAGE_ENV, READY]
        r = self.container('glibc', '/bin/work', env=env, seccomp=images.docker_profile('memfd_create')).run()
        self.assertEqual((125, ''), (r.returncode, r.stdout))
        self.assertEqual(7, self.container('glibc', '/bin/work', env=env).run().returncode)


class Lasting(ContainerCase):
    """instrument beside an application, while that does what applications do."""

    def start(self, *command, arguments=(), **options):
        c = self.container('glibc', *command, env=[*IMAGE_ENV, 'UNDERCOAT_ALERTS=/out/alerts'], out=self.dir)
        running = c.start(*arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)
        self.addCleanup(self._end, running)
        self.addCleanup(c.delete)
        self.assertEqual('waiting\n', running.stdout.readline())
        return c, running

    def alerts(self):
        return [a['rule'] for a in lines_of_json(self.dir / 'alerts')]

    def test_it_holds_nothing_of_the_application(self):
        kept = self.dir / 'kept'
        c, _ = self.start('/bin/work', 'wait', arguments=['--preserve-fds=1'], before=f'exec 3>{kept};')
        holders = {}
        for pid, (inside, name) in c.processes().items():
            links = []
            for fd in os.listdir(f'/proc/{pid}/fd'):
                with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                    links.append(os.readlink(f'/proc/{pid}/fd/{fd}'))
            holders[inside, name] = any(l.endswith('/kept') for l in links)
        self.assertGreaterEqual(len(holders), 5, holders)
        self.assertEqual([(1, 'work')], [who for who, holds in holders.items() if holds])

    def test_its_trap_process_is_replaced(self):
        c, running = self.start('/bin/sh', '-c', 'echo waiting; read line; cat /etc/shadow; exit 4', stdin=subprocess.PIPE)
        [trap] = [pid for pid in c.processes() if any('undercoat-watch' in pathlib.Path(f'/proc/{pid}/task/{t}/comm').read_text()
                                                      for t in os.listdir(f'/proc/{pid}/task'))]
        os.kill(trap, signal.SIGKILL)
        out, err = running.communicate('go\n', timeout=20)
        self.assertEqual(4, running.returncode, err)
        self.assertIn('Test shadow read', self.alerts())

    def test_the_application_cannot_kill_it(self):
        script = 'for p in /proc/[0-9]*; do p=${p#/proc/}; [ $p = $$ ] || kill -9 $p; done; kill -9 -1; echo waiting; cat /etc/shadow; exit 4'
        _, running = self.start('/bin/sh', '-c', script)
        _, err = running.communicate(timeout=20)
        self.assertEqual(4, running.returncode, err)
        self.assertEqual(['Test shadow read'], self.alerts())
        self.assertNotIn('another one takes over', err)


class Entered(ContainerCase):
    """Processes that come from outside (crun exec, ECS Exec): they have the image's environment and are nobody's descendants."""

    def start(self, kind, *command, env=IMAGE_ENV, **place):
        """A container at work, whose alerts and events are files of self.dir."""
        self.dir.chmod(0o777)
        c = self.container(kind, *command, env=[*env, *self.files()], out=self.dir, **place)
        running = c.start(stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(self._end, running)
        self.addCleanup(c.delete)  # first, so that it ends
        self.assertEqual('waiting\n', running.stdout.readline())
        return c, running

    def alerts(self):
        return [a['rule'] for a in lines_of_json(self.dir / 'alerts')]

    def stop(self, c, running, children='No child process(es)?'):
        c.kill('TERM')
        out, err = running.communicate(timeout=20)
        self.assertEqual(9, running.returncode, err)
        self.assertRegex(out, rf'^children at the end: {children}\n$')

    def enter_all_ways(self, c, running, user):
        r = c.enter('/bin/work', 'marker', env=IMAGE_ENV, user=user)
        self.assertEqual(7, r.returncode, r.stderr)
        self.assertEqual('said on standard error\n', r.stderr)
        self.assertIn('children at last: No child process', r.stdout)
        wait_for(lambda: self.alerts() == ['Test spawned program'] + ['Test shadow read'] * 2, 'the program and its child')
        r = c.enter('/bin/sh', '-c', ': marker; cat /etc/shadow; exit 3', env=IMAGE_ENV, user=user)
        self.assertEqual(3, r.returncode, r.stderr)
        # A shell of the musl image is static: of it nothing is seen.
        wait_for(lambda: self.alerts()[3:] == ['Test spawned program', 'Test shadow read'], 'the shell and its child')
        self.stop(c, running)

    def test_with_the_entrypoint(self):
        for user in (0, NOBODY):
            with self.subTest(user=user):
                self.enter_all_ways(*self.start('glibc', *ENTRY[:3], '--json', '--', '/bin/work', 'wait', user=user), user)
                (self.dir / 'alerts').unlink()

    def test_with_the_environment_alone(self):
        for user in (0, NOBODY):
            with self.subTest(user=user):
                self.enter_all_ways(*self.start('glibc', '/bin/work', 'wait', user=user), user)
                (self.dir / 'alerts').unlink()

    def test_root_enters_the_container_of_another_user(self):
        c, running = self.start('glibc', '/bin/work', 'wait', user=NOBODY)
        r = c.enter('/bin/work', env=IMAGE_ENV, user=0)
        self.assertEqual((7, 'said on standard error\n'), (r.returncode, r.stderr))
        wait_for(lambda: self.alerts() == ['Test shadow read'] * 2, 'root and its child')
        self.stop(c, running)

    def coverage(self, reason):
        return [e['args']['level'] for e in lines_of_json(self.dir / 'events') if e.get('type') == 'coverage' and e['args']['reason'] == reason]

    def test_what_is_not_seen_of_those_who_enter(self):
        """With our library a part, without it nothing: both are said, and the doctor explains them."""
        c, running = self.start('static and glibc', *ENTRY[:3], '--json', '--', '/bin/work', 'wait')
        self.assertEqual(7, c.enter('/bin/work', env=IMAGE_ENV).returncode)
        wait_for(lambda: self.coverage('no_filter') == ['part'] * 2, 'the program with our library, and its child')
        entered = c.enter('/bin/static', 'wait', background=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(self._end, entered)
        self.addCleanup(c.delete)  # first, so that it ends
        self.assertEqual('waiting\n', entered.stdout.readline())
        wait_for(lambda: 'nothing' in self.coverage('no_filter'), 'the static program')
        wait_for(lambda: 'Undercoat internal: coverage' in self.alerts(), 'its alert')
        pid = next(inside for inside, name in c.processes().values() if name == 'static')
        r = c.enter('/opt/undercoat/bin/undercoat', 'doctor', '--pid', str(pid))
        self.assertEqual(1, r.returncode, r.stderr)
        self.assertIn('is seen by: nothing', r.stdout)

    def test_many_at_once_start_one(self):
        """PID 1 is a static program, which starts nobody: of those who come in together one starts the agent."""
        c, running = self.start('static and glibc', '/bin/static', 'wait')
        entered = [c.enter('/bin/work', 'marker', env=[*IMAGE_ENV, *self.files()], background=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL) for _ in range(8)]
        for p in entered:
            self.addCleanup(self._end, p)
        self.assertEqual([7] * 8, [p.wait(30) for p in entered])
        wait_for(lambda: self.alerts().count('Test shadow read') == 16, 'all of them and their children')
        self.stop(c, running, children='.*')  # the agent's parent is a descendant of a process that has ended (docs/limits.md)

    def test_one_serves_all_of_them(self):
        c, running = self.start('static and glibc', '/bin/static', 'wait')
        entered = [c.enter('/bin/work', 'wait', env=[*IMAGE_ENV, *self.files()], background=True, stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, text=True) for _ in range(8)]
        for p in entered:
            self.addCleanup(self._end, p)
        self.addCleanup(c.delete)
        self.assertEqual(['waiting\n'] * 8, [p.stdout.readline() for p in entered])
        names = [name for _, name in c.processes().values()]
        self.assertEqual((8, 1), (names.count('work'), names.count('supervisor')), names)
        self.stop(c, running, children='.*')

    @staticmethod
    def files():
        return ['UNDERCOAT_ALERTS=/out/alerts', 'UNDERCOAT_EVENTS=/out/events']


if __name__ == '__main__':
    unittest.main()
