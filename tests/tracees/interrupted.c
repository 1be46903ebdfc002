// Makes calls that natively no signal interrupts, under a storm of signals whose handler does not ask for restarts; says
// which of them said EINTR.
//
// usage: interrupted DIRECTORY
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

static volatile int signals;
static int wrong;

static void handler(int sig) { signals += sig == SIGALRM; }

static int check(const char *name, int result) {
    if (result < 0 && errno == EINTR && wrong++ < 5) printf("%s: EINTR\n", name);
    return result;
}

static volatile int ended;
static void *thread(void *unused) {
    while (!ended) usleep(100);
    return NULL;
}

int main(int argc, char **argv) {
    if (argc < 2 || chdir(argv[1])) return 2;
    const int here = open(".", O_RDONLY | O_DIRECTORY);
    struct sigaction action = {.sa_handler = handler};
    sigaction(SIGALRM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    const struct itimerval often = {{0, 150}, {0, 150}};
    setitimer(ITIMER_REAL, &often, NULL);
    for (int i = 0; i < 4000; i++) {
        struct rlimit limit;
        check("mkdirat", mkdirat(here, "d", 0700));
        check("renameat", renameat(here, "d", here, "e"));
        check("unlinkat", unlinkat(here, "e", AT_REMOVEDIR));
        const int fd = check("openat", openat(here, "f", O_RDWR | O_CREAT, 0600));
        close(fd);
        check("prlimit", prlimit(getppid(), RLIMIT_NOFILE, NULL, &limit));
        check("prctl", prctl(PR_SET_NAME, "interrupted"));
        if (i % 4) continue;
        check("kill", kill(getpid(), SIGUSR1));
        check("kill by syscall", (int)syscall(SYS_kill, getpid(), SIGUSR1));
        check("raise", raise(SIGUSR1));
        check("fcntl", fcntl(here, F_SETOWN, getpid()));
    }
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, thread, NULL);
    for (int i = 0; i < 400; i++) {  // a call that each of them makes too
        check("setresuid", setresuid(-1, -1, -1));
        check("setegid", setegid(getegid()));
    }
    ended = 1;
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    sigaction(SIGALRM, NULL, &action);
    if (action.sa_flags & SA_RESTART) puts("the handler has changed");
    puts(signals ? "done" : "no signals");
    return 0;
}
