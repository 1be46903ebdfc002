"""The workload turns on our own processes: every way is refused and told, none does harm; an option leaves it at telling."""
import errno
import subprocess
import unittest

from harness import TRACERS, Case, under
from unbroken_test import tracee

# Each kind of assault, and the event that tells it.
SIGNALS = {'kill': 'kill', 'kill_group': 'kill', 'stop': 'kill', 'tkill': 'tkill', 'tgkill': 'tgkill', 'rt_sigqueueinfo': 'rt_sigqueueinfo',
           'rt_tgsigqueueinfo': 'rt_tgsigqueueinfo', 'pidfd_send_signal': 'pidfd_send_signal',
           'proc_directory_signal': 'pidfd_send_signal', 'f_setown': 'fcntl', 'f_setown_ex': 'fcntl', 'f_setown_group': 'fcntl'}
PRESSURE = {'sched_setaffinity': 'sched_setaffinity', 'sched_setscheduler': 'sched_setscheduler', 'sched_setparam': 'sched_setparam',
            'sched_setattr': 'sched_setattr', 'setpriority': 'setpriority', 'setpriority_group': 'setpriority', 'ioprio_set': 'ioprio_set',
            'prlimit': 'prlimit'}
PRYING = {'ptrace_seize': 'ptrace', 'ptrace_attach': 'ptrace', 'process_vm_writev': 'process_vm_writev', 'pidfd_getfd': 'pidfd_getfd',
          'process_madvise': 'process_madvise', 'kcmp': 'kcmp', 'move_pages': 'move_pages', 'migrate_pages': 'migrate_pages'}

# The pids of the trap process and of the supervisor in $trap and $supervisor, that of init in $PPID.
FIND = '''for p in $(cat /proc/$PPID/task/*/children); do [ "$(cat /proc/$p/comm)" = undercoat ] && trap=$p; done
for p in $(cat /proc/$trap/task/*/children); do supervisor=$p; done
'''
AFTER = 'cat /etc/shadow >/dev/null; for p in $PPID $trap $supervisor; do [ -d /proc/$p ] || echo gone $p; done\n'


class Protected(Case):
    def assault(self, kinds, whom='$trap $supervisor', options=()):
        self.need_root()
        script = FIND + f'for k in {" ".join(kinds)}; do for p in {whom}; do "$0" $k $p; done; done\n' + AFTER
        done = self.run_under('bash', '-c', script, tracee('assault'), options=options)
        self.assertEqual(0, done.returncode, done.err)
        return done

    def refused(self, kinds, whom='$trap $supervisor'):
        done = self.assault(kinds, whom)
        answers = done.out.splitlines()
        self.assertEqual([], [a for a in answers if not a.endswith(f' {errno.EPERM}')])
        self.assertEqual(len(kinds) * len(whom.split()), len(answers))
        self.assertIn('Test shadow read', done.rules())
        self.assertNotIn('unexpectedly', done.err)
        told = {e['type'] for e in done.events}
        self.assertEqual(set(), set(kinds.values()) - told)


@under(*TRACERS, only='refused')
class OurProcesses(Protected):
    def test_signals_are_refused(self):
        self.refused(SIGNALS)

    def test_pressure_is_refused(self):
        self.refused(PRESSURE)

    def test_prying_is_refused(self):
        self.refused(PRYING)

    def test_init_is_protected_as_well_refused(self):
        self.refused({k: v for k, v in {**PRESSURE, **PRYING}.items()}, whom='$PPID')

    def test_what_ends_init_and_cannot_be_passed_on_is_refused(self):
        self.refused({'kill': 'kill', 'stop': 'kill', 'tkill': 'tkill', 'pidfd_send_signal': 'pidfd_send_signal',
                      'proc_directory_signal': 'pidfd_send_signal', 'f_setown': 'fcntl'}, whom='$PPID')

    def test_a_fault_is_not_passed_on(self):
        """Natively the parent takes it, and the workload goes on."""
        self.refused({'fault': 'kill'}, whom='$PPID')

    def test_a_fault_is_without_effect_on_pid_1(self):
        self.need_root()
        r = self.run_under('sh', '-c', f'{tracee("assault")} fault 1; cat /etc/shadow >/dev/null; exit 7',
                           prefix=['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'])
        self.assertEqual((7, 'fault 0\n'), (r.returncode, r.out), r.err)
        self.assertEqual(['Test shadow read'], r.rules())

    def test_one_that_hides_is_refused(self):
        """Not dumpable, where we lack CAP_SYS_PTRACE (Docker's default): its name spaces and descriptors are hidden from us."""
        self.need_root()
        kinds = ('kill', 'tgkill', 'pidfd_send_signal', 'proc_directory_signal', 'f_setown_ex', 'prlimit', 'ptrace_seize')
        script = FIND + f'for k in {" ".join(kinds)}; do "$0" $k $trap hidden; done\n' + AFTER
        done = self.run_under('bash', '-c', script, tracee('assault'),
                              prefix=['setpriv', '--bounding-set', '-sys_ptrace', '--inh-caps', '-sys_ptrace'])
        self.assertEqual([f'{k} {errno.EPERM}' for k in kinds], done.out.splitlines(), done.err)
        self.assertNotIn('unexpectedly', done.err)

    def test_report_only(self):
        """Let through, told, and survived: whoever is killed is replaced."""
        done = self.assault({'kill': 'kill'}, options=['--protect', 'report'])
        self.assertEqual('kill 0\nkill 0\n', ''.join(l + '\n' for l in done.out.splitlines() if l.startswith('kill')), done.err)
        self.assertIn('Test shadow read', done.rules())
        self.assertTrue(done.calls('kill'))

    def test_others_are_left_alone(self):
        script = 'sleep 100 & for k in sched_setaffinity setpriority prlimit kcmp pidfd_send_signal; do "$0" $k $!; done; wait $!; echo ended $?'
        done = self.run_under('sh', '-c', script, tracee('assault'))
        native = subprocess.run(['sh', '-c', script, tracee('assault')], capture_output=True, text=True, env=self.environment())
        self.assertEqual(native.stdout, done.out, done.err)

    def test_what_the_kernel_keeps_from_an_ordinary_user(self):
        """Without capabilities: memory, descriptors and mappings of our processes cannot be opened."""
        self.need_root()
        script = FIND + '''for p in $trap $supervisor; do
for f in mem maps environ map_files/ fd/ fdinfo/ task/$p/mem; do cat /proc/$p/$f 2>/dev/null | head -c 1 | wc -c | grep -qx 0 || echo read $f; done
for f in mem oom_score_adj coredump_filter clear_refs; do (echo 1 >/proc/$p/$f) 2>/dev/null && echo wrote $f; done
done; true\n'''
        env = self.environment()
        self.dir.chmod(0o777)
        r = subprocess.run(['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--bounding-set=-all', '--inh-caps=-all',
                            *self.command('bash', '-c', script)], capture_output=True, text=True, env=env, timeout=60)
        self.assertEqual((0, ''), (r.returncode, r.stdout), r.stderr)


class Rings(Case):
    """The listener has no path by which it could be opened, and io_uring is there only where it is let."""

    URING = 'import ctypes, sys; c = ctypes.CDLL(None, use_errno=True); b = ctypes.create_string_buffer(120); ' \
            'r = c.syscall(425, 4, b); print(ctypes.get_errno() if r < 0 else 0)'

    def test_io_uring_can_be_denied(self):
        done = self.run_under('python3', '-c', self.URING, options=['--io-uring', 'deny'])
        self.assertEqual(f'{errno.ENOSYS}\n', done.out, done.err)
        self.assertTrue(done.calls('io_uring_setup'))

    def test_io_uring_is_reported(self):
        native = subprocess.run(['python3', '-c', self.URING], capture_output=True, text=True)
        done = self.run_under('python3', '-c', self.URING)
        self.assertEqual(native.stdout, done.out, done.err)
        self.assertTrue(done.calls('io_uring_setup'))

    def test_the_listener_cannot_be_opened(self):
        """Not even by a root that may look into our processes: it is no file."""
        self.need_root()
        script = FIND + '''for p in $PPID $trap $supervisor; do for f in /proc/$p/fd/*; do case $(readlink $f) in
*seccomp*) echo listener; (exec 9<>$f) 2>/dev/null && echo opened;; esac; done; done; true\n'''
        done = self.run_under('bash', '-c', script)
        self.assertEqual((0, {'listener'}), (done.returncode, set(done.out.split())), done.err)


X32 = r'''
#include <fcntl.h>
#include <stdio.h>
static long call(long n, long a, long b, long c) {
    long r;
    __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return r;
}
int main(void) { long r = call(0x40000000 + 2, (long)"/etc/shadow", O_RDONLY, 0); printf("%ld\n", r < 0 ? r : 0); return 0; }
'''


class Entries(Case):
    def test_x32_numbers_do_as_natively_and_are_seen(self):
        program = self.compile(X32, 'x32')
        native = subprocess.run([program], capture_output=True, text=True).stdout
        done = self.run_under(program)
        self.assertEqual((0, native), (done.returncode, done.out), done.err)
        if native == '0\n':
            self.assertIn('Test shadow read', done.rules())


if __name__ == '__main__':
    unittest.main()
