"""Ways past the capture that need no knowledge of us: each must be told as any other way would be."""
import errno
import signal
import subprocess
import sys
import unittest

from harness import BUNDLE, Case, wait_for
from unbroken_test import tracee

# A program without libc; with an argument "1" it has become one whose addresses are not randomised.
FIXED = r'''
static long call(long n, long a, long b, long c) {
    long r;
    __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return r;
}
__attribute__((naked)) void _start(void) { __asm__("mov %rsp,%rdi\n and $-16,%rsp\n call begin\n"); }
void begin(long* stack) {
    char** argv = (char**)(stack + 1);
    char* none[] = {0};
    char* fixed[] = {argv[0], "1", 0};
    char* other[] = {argv[0], "2", 0};
    if (stack[0] < 2) call(135, 0x0040000, 0, 0), call(59, (long)argv[0], (long)fixed, (long)none);
    else if (argv[1][0] == '1') call(59, (long)argv[0], (long)other, (long)none);
    call(231, call(2, (long)"/etc/shadow", 0, 0) < 0, 0, 0);
}
'''
# connect() by socketcall, of a socket whose number is also that of another operation of socketcall.
SOCKETCALL = r'''
static int call(int n, int a, int b, int c) {
    int r;
    __asm__ volatile("int $0x80" : "=a"(r) : "a"(n), "b"(a), "c"(b), "d"(c) : "memory");
    return r;
}
void _start(void) {
    struct { unsigned short family, port; unsigned address; char zero[8]; } to = {2, 0x0900, 0x0100007f, {0}};
    volatile int make[3] = {2, 2, 0}, join[3] = {5, (int)&to, 16};
    call(63, call(102, 1, (int)make, 0), 5, 0);
    call(252, call(102, 3, (int)join, 0) != 0, 0, 0);
}
'''

QUIET = 'int main(void) { return 0; }'
# Executes ARGUMENT 2 in the way that argument 1 names.
WAYS = r'''
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
extern char **environ;
int main(int argc, char **argv) {
    char *v[] = {"quiet", 0}, data[65536];
    if (!strcmp(argv[1], "path")) execvp(argv[2], v);
    if (!strcmp(argv[1], "relative")) execv(argv[2], v);
    if (!strcmp(argv[1], "descriptor")) fexecve(open(argv[2], O_RDONLY), v, environ);
    if (!strcmp(argv[1], "memory")) {
        int to = memfd_create("x", 0), from = open(argv[2], O_RDONLY);
        for (int n; (n = read(from, data, sizeof data)) > 0;) write(to, data, n);
        fexecve(to, v, environ);
    }
    return 1;
}
'''


class WithoutTheLibrary(Case):
    """Programs that will not load it, in preload mode: their executions are told by whoever executes them."""

    def executed(self, *command, **options):
        done = self.run_under(*command, mode='preload', **options)
        self.assertEqual(0, done.returncode, done.err)
        return [e for e in done.calls('execve', 'execveat') if e['result'] == 0]

    def test_a_static_program(self):
        self.compile(QUIET, 'quiet', '-static')
        ways = self.compile(WAYS, 'ways')
        for way, options in (('path', {'env': {'PATH': f'/nowhere:{self.dir}:/usr/bin:/bin'}}), ('relative', {'cwd': self.dir}),
                             ('descriptor', {'cwd': self.dir}), ('memory', {'cwd': self.dir})):
            with self.subTest(way=way):
                self.assertEqual(2, len(self.executed(ways, way, 'quiet', **options)))

    def test_a_set_user_id_program(self):
        self.need_root()
        program = self.compile(QUIET, 'quiet')
        program.chmod(0o4755)
        command = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', program]
        self.assertEqual(2, len(self.executed(*command)))

    def test_a_big_environment(self):
        """Of more entries than stand on a stack; the program finds them all."""
        many = {f'SERVICE_{i}_PORT': str(i) for i in range(3000)}
        done = self.run_under('bash', '-c', 'cat /etc/shadow >/dev/null; env | grep -c SERVICE_; exit 0', mode='preload', env=many)
        self.assertEqual((0, '3000\n', ['Test shadow read']), (done.returncode, done.out, done.rules()), done.err)
# A program without libc that waits.
PAUSES = r"""
__attribute__((naked)) void _start(void) { __asm__("1: mov $34,%eax\n syscall\n jmp 1b\n"); }
"""
# What the kernel refuses at its last look, and then the call that a C library begins with.
FAILS = r"""
#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char **argv) {
    char *none[] = {0};
    unsigned long fs;
    syscall(SYS_arch_prctl, 0x1003, &fs);
    const int r = syscall(SYS_execve, argv[1], argv + 1, none), e = errno;
    syscall(SYS_arch_prctl, 0x1002, fs);
    return r != -1 || e != ENOEXEC;
}
"""


# A /proc of its own, whose links lie about where descriptors lead.
LIES = r'''
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) {
    for (int i = 0; i < 30; ++i) open("/nonexistent/file", O_RDONLY);
    if (syscall(SYS_unshare, CLONE_NEWNS) || syscall(SYS_mount, 0, "/", 0, MS_REC | MS_PRIVATE, 0) || mount("none", "/proc", "tmpfs", 0, 0)) return 2;
    if (mkdir("/proc/thread-self", 0755) || mkdir("/proc/thread-self/fd", 0755)) return 3;
    for (int i = 3; i < 30; ++i) {
        char link[64];
        snprintf(link, sizeof link, "/proc/thread-self/fd/%d", i);
        if (symlink("/var/lib", link)) return 4;
    }
    return openat(open("/etc", O_RDONLY | O_DIRECTORY), "shadow", O_RDONLY) < 0;
}
'''


class Told(Case):
    def test_directories_whose_links_lie(self):
        self.need_root()
        program = self.compile(LIES, 'lies')
        for mode in ('full', 'trap'):
            done = self.run_under(program, mode=mode)
            self.assertEqual((0, ['Test shadow read']), (done.returncode, done.rules()), mode)

    def test_an_image_that_stands_where_the_last_one_stood(self):
        program = self.compile(FIXED, 'fixed', '-nostdlib', '-static', '-fno-stack-protector')
        done = self.run_under(program)
        self.assertEqual(0, done.returncode, done.err)
        told = [(e['result'], e['params']['args']) for e in done.calls('execve')]
        self.assertEqual([(0, None), (0, {'list': ['1']}), (0, {'list': ['2']})], told)

    def told_while_it_lives(self, program):
        run = self.start_under(program, 'an argument')
        told = wait_for(lambda: [e for e in run.events() if e.get('type') == 'execve'], 'its execution')
        self.assertEqual([('pauses', 0, {'list': ['an argument']})], [(e['proc.name'], e['result'], e['params']['args']) for e in told])
        run.process.send_signal(signal.SIGTERM)
        run.process.wait(20)
        self.assertEqual(1, len([e for e in run.events() if e.get('type') == 'execve']))

    def test_an_image_that_calls_for_nothing(self):
        """By what /proc shows of it."""
        self.told_while_it_lives(self.compile(PAUSES, 'pauses', '-nostdlib', '-static', '-fno-stack-protector'))

    def test_a_static_pie_that_waits(self):
        """It stands where dynamic loaders stand, so the filter does not hold what it begins with."""
        program = self.compile('int pause(void);\nint main(void) { return pause(); }\n', 'pauses', '-static-pie')
        self.told_while_it_lives(program)

    def test_arch_prctl_is_no_proof_of_an_execution(self):
        broken = self.dir / 'broken'
        broken.write_bytes(bytes.fromhex('7f454c4602010100') + bytes(8) + bytes.fromhex('02003e0001000000') + bytes(28) + bytes.fromhex('40003800') + bytes(8))
        broken.chmod(0o755)
        program = self.compile(FAILS, 'fails')
        done = self.run_under(program, broken)
        self.assertEqual(0, done.returncode, done.err)
        self.assertEqual([('fails', 0), ('fails', -errno.ENOEXEC)], [(e['proc.name'], e['result']) for e in done.calls('execve')])

    def test_i386_socketcall_is_read_once(self):
        file = self.dir / 'socketcall.c'
        file.write_text(SOCKETCALL)
        flags = ('-m32', '-O1', '-nostdlib', '-static', '-fno-pic', '-fno-stack-protector', '-mpreferred-stack-boundary=2')
        if subprocess.run(['gcc', *flags, '-o', self.dir / 'socketcall', file], capture_output=True).returncode:
            self.skipTest('gcc -m32 does not work here (gcc-multilib)')
        if subprocess.run([self.dir / 'socketcall']).returncode:
            self.skipTest('the kernel runs no i386 programs')
        done = self.run_under(self.dir / 'socketcall')
        self.assertEqual(0, done.returncode, done.err)
        self.assertEqual([], done.calls('accept'))
        self.assertEqual(['127.0.0.1:9'], [e['fd.name'].rpartition('->')[2] for e in done.calls('connect')])


# Runs what follows where nobody else's meeting place is.
ALONE = ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /run && exec "$@"', 'sh']
WORDS = '/run/undercoat/meet-word'


class Forged(Case):
    """A word (wire/local/handover.h, 5.) of an image that was never executed."""

    def setUp(self):
        super().setUp()
        self.need_root()

    def forge(self, *command, **kw):
        done = self.run_under(*command, prefix=ALONE, **kw)
        self.assertEqual(0, done.returncode, done.err)
        self.assertEqual([], [e for e in done.calls('execve') if e['proc.name'] == 'forged'])
        return done

    def test_of_oneself_is_not_believed(self):
        for mode in ('full', 'preload'):
            with self.subTest(mode=mode):
                done = self.forge(tracee('forged_word'), WORDS, mode=mode)
                opened = [e['proc.name'] for e in done.calls('open', 'openat') if e.get('fd.name') == '/etc/shadow']
                self.assertEqual(['forged_word'], opened)
                self.assertEqual(['Test shadow read'], done.rules())

    def test_of_another_is_not_believed(self):
        """What the victim's ring holds is the victim's still."""
        script = ('for i in 1 2 3 4 5 6 7 8; do : </etc/hostname; done; "$0" "$1" $$; for i in 1 2 3; do : </etc/passwd; done')
        for mode in ('full', 'preload'):
            with self.subTest(mode=mode):
                done = self.forge('bash', '-c', script, tracee('forged_word'), WORDS, mode=mode)
                opened = [e['proc.name'] for e in done.calls('open', 'openat') if e.get('fd.name') == '/etc/passwd' and e['proc.name'] != 'forged_word']
                self.assertEqual(['bash'] * 3, opened[-3:])


SERVE = r"""
import os, socket, subprocess, sys
user, library, program = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
ready, asked = os.pipe(), os.pipe()
if os.fork() == 0:
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    os.mkdir('/dev/shm/undercoat', 0o755)
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.bind('/dev/shm/undercoat/meet')
    os.chmod('/dev/shm/undercoat/meet', 0o777)
    s.listen()
    os.write(ready[1], b'.')
    os.write(asked[1], b'%d' % len(s.accept()[0].recv(64)))
    os._exit(0)
os.read(ready[0], 1)
done = subprocess.run(program, env={'LD_PRELOAD': library, 'UNDERCOAT_ADDED': ''}, stdout=subprocess.DEVNULL)
print(done.returncode, os.read(asked[0], 16).decode())
"""


class MeetingPlaces(Case):
    def setUp(self):
        super().setUp()
        self.need_root()

    def test_another_users_is_not_spoken_to(self):
        """Root's program, of which nobody has said where it meets us, looks for a place: an ordinary user may have made one."""
        for user, asked in ((65534, 0), (0, 12)):
            with self.subTest(user=user):
                r = subprocess.run(['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /run && mount -t tmpfs -o mode=1777 none /dev/shm && '
                                    'exec "$@"', 'sh', sys.executable, '-c', SERVE, str(user), BUNDLE / 'lib/libshim.so',
                                    'sh', '-c', 'for i in 1 2 3 4 5 6 7 8; do : </etc/hostname; done'],
                                   capture_output=True, text=True, timeout=60, env=self.environment())
                self.assertEqual(f'0 {asked}\n', r.stdout, r.stderr)

    def test_one_with_a_suffix_outlives_its_trap_process(self):
        script = r"""
import os, signal, socket, subprocess, sys, time
init = os.getppid()
old = next(p for p in open(f'/proc/{init}/task/{init}/children').read().split() if open(f'/proc/{p}/comm').read() == 'undercoat\n')
os.kill(int(old), signal.SIGKILL)
until = time.monotonic() + 20
while os.path.exists(f'/proc/{old}') or socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).connect_ex(f'/run/undercoat/meet.{old}-word') != 0:
    if time.monotonic() > until: sys.exit('nobody serves it')
    time.sleep(0.01)
subprocess.run(['cat', '/etc/shadow'], stdout=subprocess.DEVNULL)
"""
        taken = r"""
import os, socket, sys
os.mkdir('/run/undercoat')
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.bind('/run/undercoat/meet')
s.listen()
os.set_inheritable(s.fileno(), True)
if os.fork() == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
"""
        done = self.run_under('python3', '-c', script, mode='preload', prefix=[*ALONE, sys.executable, '-c', taken])
        self.assertEqual(0, done.returncode, done.err)
        self.assertIn('Test shadow read', done.rules())


if __name__ == '__main__':
    unittest.main()
