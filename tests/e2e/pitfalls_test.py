"""Pitfalls of capture that no other test is about; docs/pitfalls.md names the test of each."""
import re
import shutil
import subprocess
import unittest

from harness import TRACERS, Case, under

VSYSCALL = r'''
#include <fcntl.h>
#include <stdio.h>
#include <sys/time.h>
int main(void) {
    struct timeval t = {0, 0};
    long r = ((long (*)(struct timeval*, void*))0xffffffffff600000)(&t, 0);
    printf("%ld %d %d\n", r, t.tv_sec > 1000000000, open("/etc/shadow", O_RDONLY) >= 0);
    return 0;
}
'''
STORM = r'''
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
static void tick(int s) { (void)s; }
int main(void) {
    struct sigaction a = {.sa_handler = tick, .sa_flags = SA_RESTART};
    struct itimerval every = {{0, 500}, {0, 500}};
    sigaction(SIGALRM, &a, 0);
    setitimer(ITIMER_REAL, &every, 0);
    for (int i = 0; i < 3000; ++i) {
        char path[64];
        snprintf(path, sizeof path, "/nonexistent/uc-storm-%d", i);
        if (syscall(SYS_openat, -100, path, 0) >= 0 || errno != ENOENT) return 1;
    }
    return 0;
}
'''


JAILED = r'''
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv) {
    int status = 1;
    for (int i = 0; i < 20; ++i) open("/nonexistent/before", O_RDONLY);
    if (argc < 2 || fork()) return wait(&status) < 0 || status;
    if (chroot(argv[1]) || chdir("/")) _exit(1);
    for (int i = 0; i < 20; ++i) open("/within", O_RDONLY);
    _exit(0);
}
'''


# Children in our memory by an instruction of the program's own, before the library has a ring.
SHARERS = r'''
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static char stack[65536] __attribute__((aligned(16)));
long share(long flags, void *top);
__asm__(".text\nshare: mov $56,%eax\n xor %edx,%edx\n xor %r10d,%r10d\n xor %r8d,%r8d\n syscall\n test %rax,%rax\n"
        " jnz 1f\n xor %ebp,%ebp\n call child\n1: ret\n");
void child(void) {
    for (int i = 0; i < 20; ++i) open("/nonexistent/child", O_RDONLY);
    _exit(7);
}
int main(void) {
    int status = 0;
    for (int i = 0; i < 3; ++i)
        if (share(CLONE_VM | CLONE_VFORK | SIGCHLD, stack + sizeof stack - 64) < 0 || wait(&status) < 0) return 2;
    for (int i = 0; i < 100; ++i) open("/nonexistent/parent", O_RDONLY);
    return open("/etc/shadow", O_RDONLY) < 0;
}
'''


@under(*TRACERS)
class Pitfalls(Case):
    def test_children_that_share_our_memory_by_an_instruction_of_their_own(self):
        program = self.compile(SHARERS, 'sharers')
        for mode in ('full', 'trap'):
            done = self.run_under(program, mode=mode)
            self.assertEqual((0, ['Test shadow read']), (done.returncode, done.rules()), done.err)
            pids = {name: [e['pid'] for e in done.events if e.get('fd.name') == '/nonexistent/' + name] for name in ('child', 'parent')}
            self.assertEqual((60, 3, 100, 1), (len(pids['child']), len(set(pids['child'])), len(pids['parent']), len(set(pids['parent']))), mode)

    def test_a_forked_child_that_confines_itself_to_a_directory_at_once(self):
        self.need_root()
        program = self.compile(JAILED, 'jailed')
        for mode in ('full', 'preload'):
            done = self.run_under(program, self.dir, mode=mode)
            self.assertEqual(0, done.returncode, done.err)
            self.assertEqual(20, len([e for e in done.events if str(e.get('fd.name')).endswith('/within')]), mode)

    def test_a_call_by_the_vsyscall_page(self):
        program = self.compile(VSYSCALL, 'vsyscall')
        native = subprocess.run([program], capture_output=True, text=True)
        for mode in ('full', 'trap'):
            done = self.run_under(program, mode=mode)
            self.assertEqual((native.returncode, native.stdout), (done.returncode, done.out), done.err)

    def test_a_loader_that_does_not_find_our_library(self):
        """After chroot LD_PRELOAD names nothing; glibc's loader would say so on stderr."""
        self.need_root()
        root = self.dir / 'root'
        libraries = re.findall(r'(/\S+) \(0x', subprocess.run(['ldd', '/bin/cat'], capture_output=True, text=True).stdout)
        for file in ['/bin/cat', *libraries]:
            (root / file[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, root / file[1:])
        (root / 'etc').mkdir()
        (root / 'etc/shadow').write_text('x')
        for mode in ('full', 'trap'):
            done = self.run_under('chroot', root, '/bin/cat', '/etc/shadow', mode=mode, options=['--log', 'error'])
            self.assertEqual((0, 'x', ''), (done.returncode, done.out, done.err))

    def test_the_parent_at_birth_of_an_orphan(self):
        """Its birth names the parent that it had, though the kernel may have given it another before it is told. Ancestors in alerts are
        those of the moment: where the parent's end is told after the birth, the reaper has taken its place, as in the reference."""
        self.need_root()
        outer = self.dir / 'outer'
        shutil.copy('/bin/bash', outer)
        done = self.run_under('sh', '-c', f"mkfifo {self.dir}/p; \"$0\" -c '( read x <{self.dir}/p; cat /etc/shadow >/dev/null; true ) & exit'; "
                              f"echo >{self.dir}/p; wait; exec sh -c 'until [ -s {self.dir}/alerts.jsonl ]; do :; done'", outer)
        self.assertEqual(['Test shadow read'], done.rules(), done.err)
        parents = {e['pid']: e['result'] for e in done.events if e.get('kind') == 'birth'}
        first = next(e['pid'] for e in done.calls('execve') if e['proc.name'] == 'outer')
        cat = next(e['pid'] for e in done.calls('execve') if e['proc.name'] == 'cat')
        self.assertEqual(first, parents[parents[cat]], 'the orphan that has started cat')


class Interrupted(Case):
    def test_signals_while_calls_are_held_tell_none_twice(self):
        program = self.compile(STORM, 'storm')
        done = self.run_under(program, mode='trap')
        self.assertEqual(0, done.returncode, done.err)
        names = [e['args'].get('name') for e in done.calls('openat') if 'uc-storm' in str(e['args'].get('name'))]
        self.assertEqual(3000, len(set(names)))
        # A call that is interrupted before it was received is another one for the kernel: rare, as receivers are quick.
        self.assertLess(len(names), 3100)


if __name__ == '__main__':
    unittest.main()
