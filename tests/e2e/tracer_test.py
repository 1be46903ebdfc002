"""Programs that are hard on a tracer behave as natively under each back end, and are still seen."""
import os
import pathlib
import signal
import subprocess
import unittest

from harness import TRACERS, Case, children_of, lines_of_json, under, wait_for
from unbroken_test import Unbroken, tracee


# refuse WHAT... INSTRUMENT...: runs it under a filter that answers seccomp, or listeners only, or ptrace, with EPERM or EINVAL.
REFUSE = r'''
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#define FIELD(f) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, f))
#define UNLESS(k, n) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, 0, n)
#define RETURN(v) BPF_STMT(BPF_RET | BPF_K, v)
static void forbid(struct sock_filter *f, unsigned short n) {
    struct sock_fprog p = {n, f};
    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &p);
}
int main(int argc, char **argv) {
    struct sock_filter seccomp[] = {FIELD(nr), UNLESS(SYS_seccomp, 1), RETURN(SECCOMP_RET_ERRNO | EPERM), RETURN(SECCOMP_RET_ALLOW)};
    struct sock_filter ptrace[] = {FIELD(nr), UNLESS(SYS_ptrace, 1), RETURN(SECCOMP_RET_ERRNO | EPERM), RETURN(SECCOMP_RET_ALLOW)};
    struct sock_filter listener[] = {FIELD(nr), UNLESS(SYS_seccomp, 3), FIELD(args[1]), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 8, 0, 1),
                                     RETURN(SECCOMP_RET_ERRNO | EINVAL), RETURN(SECCOMP_RET_ALLOW)};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    for (++argv; argv[0][0] != '/'; ++argv) {
        if (!strcmp(*argv, "ptrace")) forbid(ptrace, 4);
        if (!strcmp(*argv, "listener")) forbid(listener, 6);
        if (!strcmp(*argv, "seccomp")) forbid(seccomp, 4);
    }
    execv(*argv, argv);
    return 1;
}
'''


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


    def test_a_page_whose_faults_the_program_serves(self):
        for mode in ('full', 'trap'):
            done = self.as_natively(tracee('faulting_page'), self.file, mode=mode)
            if 'no userfaultfd' in done.out:
                self.skipTest('the kernel gives no userfaultfd here')
            self.assertEqual('served: opened\nopened 1\n', done.out)


class Chosen(Unbroken):
    """Which back end `auto` takes when an outer filter refuses calls, as some sandboxes do."""

    def chosen(self, *refused):
        program = self.compile(REFUSE, 'refuse')
        (self.dir / 'events.jsonl').unlink(missing_ok=True)
        r = subprocess.run([program, *refused, *self.command('cat', '/etc/hostname', mode='auto', options=['--log', 'debug'])],
                           capture_output=True, text=True, env=self.environment(), timeout=60)
        self.assertEqual((0, pathlib.Path('/etc/hostname').read_text()), (r.returncode, r.stdout), r.stderr)
        return {e['origin'] for e in lines_of_json(self.dir / 'events.jsonl')}, r.stderr

    def test_ptrace_where_listeners_are_refused(self):
        origins, err = self.chosen('listener')
        self.assertIn('full mode: preloaded library, and ptrace (seccomp filter)', err)
        self.assertEqual({'ptrace'}, origins)

    def test_ptrace_at_every_call_where_filters_are_refused(self):
        origins, err = self.chosen('seccomp')
        self.assertIn('full mode: preloaded library, and ptrace at every call', err)
        self.assertEqual({'ptrace'}, origins)

    def test_the_library_alone_where_both_are_refused(self):
        origins, err = self.chosen('listener', 'ptrace')
        self.assertIn('preload mode', err)
        self.assertIn('neither by a seccomp filter nor by a tracer', err)


class Death(Case):
    """The trap process, which is the tracer, is killed from outside."""

    def ended(self, trap):
        with open(self.dir / 'err', 'w') as err:
            run = self.start_under('sh', '-c', 'echo ready; while :; do cat /etc/hostname >/dev/null || exit 9; done', mode='trap',
                                   options=['--trap', trap], stderr=err)
        self.assertEqual(b'ready\n', run.process.stdout.readline())
        tracer = next(p for p in children_of(run.process.pid) if pathlib.Path(f'/proc/{p}/comm').read_text() == 'undercoat\n')
        os.kill(tracer, signal.SIGKILL)
        wait_for(lambda: 'trap process ended unexpectedly' in (self.dir / 'err').read_text(), 'the death is told')
        return run

    def test_a_workload_with_a_filter_is_killed_whole(self):
        run = self.ended('ptrace')
        self.assertEqual(-signal.SIGKILL, run.process.wait(20))

    def test_a_workload_without_a_filter_goes_on(self):
        run = self.ended('ptrace-all')
        self.assertIsNone(run.process.poll())
        run.process.send_signal(signal.SIGTERM)
        self.assertEqual(-signal.SIGTERM, run.process.wait(20))


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
