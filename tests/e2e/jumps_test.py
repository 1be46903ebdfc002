"""Programs that leave calls half done: handlers that jump out of them, threads that are cancelled in them."""
import unittest

from harness import Case, under

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


@under('ptrace')
class HalfDone(Case):
    def test_handlers_that_jump_out_of_calls(self):
        """Each jump may take the call with it that it interrupts, and nothing else."""
        done = self.run_under(self.compile(JUMPS, 'jumps'))
        self.assertEqual(0, done.returncode, done.err)
        told = len([e for e in done.events if e.get('fd.name') == '/nonexistent/file'])
        self.assertGreaterEqual(told, int(done.out), done.err)
        self.assertEqual(['Test shadow read'], done.rules(), done.err)
        self.assertNotIn('did not finish', done.err)

    def test_a_thread_that_is_cancelled_in_accept(self):
        for mode in ('full', 'preload'):
            with self.subTest(mode=mode):
                self.assertEqual(0, self.run_under(self.compile(CANCELS, 'cancels'), mode=mode).returncode)


if __name__ == '__main__':
    unittest.main()
