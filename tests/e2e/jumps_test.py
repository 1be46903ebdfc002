"""Programs that leave calls half done: handlers that jump out of them, threads that are cancelled in them."""
import re
import unittest

from harness import MODES, Case, under

JUMPS = r'''
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
static sigjmp_buf back;
static void jump(int s) { siglongjmp(back, s); }
int main(void) {
    struct sigaction a = {.sa_handler = jump, .sa_flags = SA_RESTART};
    const struct itimerval often = {{0, 1000}, {0, 1000}}, never = {{0, 0}, {0, 0}};
    volatile int jumps = 0, opens = 0;
    sigaction(SIGALRM, &a, 0);
    setitimer(ITIMER_REAL, &often, 0);
    if (sigsetjmp(back, 1)) jumps++;
    while (jumps < 400) {
        open("/nonexistent/file", O_RDONLY);
        opens++;
    }
    setitimer(ITIMER_REAL, &never, 0);
    printf("%d\n", opens);
    return open("/etc/shadow", O_RDONLY) < 0;
}
'''

# The number of a non-blocking socket comes to mean another one by a message, which nobody looks at.
CANCELS = r'''
#include <netinet/in.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
static int number;
static void *wait_there(void *unused) { return accept(number, 0, 0) < 0 ? unused : 0; }
int main(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    int pair[2];
    char byte = 0, control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec one = {&byte, 1};
    struct msghdr m = {.msg_iov = &one, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    pthread_t t;
    void *end = 0;
    alarm(20);
    number = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(listener, (void *)&a, sizeof a) || listen(listener, 5) || socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) return 2;
    *c = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(c), &listener, sizeof(int));
    if (sendmsg(pair[0], &m, 0) != 1) return 3;
    close(number);
    if (recvmsg(pair[1], &m, 0) != 1 || memcmp(CMSG_DATA(CMSG_FIRSTHDR(&m)), &number, sizeof(int))) return 4;
    pthread_create(&t, 0, wait_there, 0);
    pthread_cancel(t);
    pthread_join(t, &end);
    return end == PTHREAD_CANCELED ? 0 : 5;
}
'''

# Cancelled while it waits for a FIFO's other end; what cleans up needs a stack that is aligned.
CLEANS_UP = r'''
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
static void clean(void *value) { printf("%.1f\n", *(double *)value); }
static void *wait_there(void *path) {
    double value = 1.5;
    pthread_cleanup_push(clean, &value);
    open(path, O_RDONLY);
    pthread_cleanup_pop(0);
    return 0;
}
int main(int argc, char **argv) {
    pthread_t t;
    void *end = 0;
    alarm(20);
    if (argc < 2 || mkfifo(argv[1], 0600)) return 2;
    pthread_create(&t, 0, wait_there, argv[1]);
    pthread_cancel(t);
    pthread_join(t, &end);
    return end == PTHREAD_CANCELED ? 0 : 5;
}
'''

# A thread whose cancellation is pending opens a directory.
READS_DIRECTORY = r'''
#include <dirent.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
int main(void) {
    for (int i = 0; i < 8; i++) close(dup(0));
    pthread_cancel(pthread_self());
    printf("%d\n", opendir("/etc") != 0);
    fflush(stdout);
    return 0;
}
'''

# Allowed is what execve itself needs; anything else kills.
SEALED = r'''
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) {
    struct sock_filter f[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | 13),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)};
    struct sock_fprog p = {sizeof f / sizeof *f, f};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p)) return 2;
    execlp("true", "true", (char *)0);
    execl("/bin/true", "true", (char *)0);
    _exit(7);
}
'''


@under('ptrace')
class HalfDone(Case):
    def test_handlers_that_jump_out_of_calls(self):
        """Each jump may take the call with it that it interrupts, and nothing else."""
        done = self.run_under(self.compile(JUMPS, 'jumps'))
        self.assertEqual(0, done.returncode, done.err)
        told = len([e for e in done.events if e.get('fd.name') == '/nonexistent/file'])
        self.assertGreaterEqual(told, int(done.out), done.err)
        self.assertIn('Test shadow read', done.rules(), done.err)
        self.assertNotIn('ring_full', done.err)
        self.assertLess(sum(int(n) for n in re.findall(r'n_drops_holes="(\d+)', done.err + str(done.alerts))), 40, 'most are made void at once')
        self.assertNotIn('did not finish', done.err)

    def test_a_thread_that_is_cancelled_in_accept(self):
        for mode in ('full', 'preload'):
            with self.subTest(mode=mode):
                self.assertEqual(0, self.run_under(self.compile(CANCELS, 'cancels'), mode=mode).returncode)

    def test_a_thread_that_is_cancelled_in_open(self):
        for compiler in ('gcc', 'musl-gcc'):
            program = self.compile(CLEANS_UP, compiler, compiler=compiler)
            for mode in MODES:
                with self.subTest(compiler=compiler, mode=mode):
                    done = self.run_under(program, self.dir / f'{compiler}.{mode}.fifo', mode=mode)
                    self.assertEqual((0, '1.5\n'), (done.returncode, done.out), done.err)

    def test_opendir_is_no_cancellation_point(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                self.assertEqual('1\n', self.run_under(self.compile(READS_DIRECTORY, 'reads'), mode=mode).out)

    def test_a_program_that_has_sealed_itself_executes(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                self.assertEqual(7, self.run_under(self.compile(SEALED, 'sealed'), mode=mode).returncode)


if __name__ == '__main__':
    unittest.main()
