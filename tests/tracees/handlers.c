// A timer's handler opens files, or jumps out, while the program opens files itself; prints whether all went well.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static volatile int handled, jumping;
static sigjmp_buf out;

static void handler(int s) {
    (void)s;
    int e = errno;
    close(open("/handler", O_RDONLY));
    handled++;
    if (jumping) siglongjmp(out, 1);
    errno = e;
}

int main(int argc, char **argv) {
    jumping = argc > 1 && !strcmp(argv[1], "jump");
    struct sigaction a = {.sa_handler = handler, .sa_flags = SA_RESTART};
    sigaction(SIGALRM, &a, NULL);
    struct itimerval t = {{0, 200}, {0, 200}};
    setitimer(ITIMER_REAL, &t, NULL);
    volatile int wrong = 0;
    while (handled < 200) {
        if (sigsetjmp(out, 1)) continue;
        errno = 0;
        if (open("/missing", O_RDONLY) != -1 || errno != ENOENT) wrong++;
    }
    setitimer(ITIMER_REAL, &(struct itimerval){0}, NULL);
    printf("wrong %d\n", wrong);
    return 0;
}
