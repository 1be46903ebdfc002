// Queued signals with values, and a timer, while files are opened: each arrives once, as it was sent: signal_storm TIMES FILE
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile long count, sum, wrong, ticks;

static void queued(int s, siginfo_t *info, void *context) {
    count++;
    sum += info->si_value.sival_int;
    if (info->si_code != SI_QUEUE || info->si_pid != getppid() || s != SIGRTMIN + 1) wrong++;
}

static void tick(int s) { ticks++; }

int main(int argc, char **argv) {
    const int times = atoi(argv[1]);
    sigset_t set;
    struct sigaction a = {.sa_flags = SA_SIGINFO | SA_RESTART};
    a.sa_sigaction = queued;
    sigaction(SIGRTMIN + 1, &a, NULL);
    signal(SIGALRM, tick);
    sigemptyset(&set);
    sigaddset(&set, SIGTRAP);
    const pid_t pid = fork();
    if (pid == 0) {
        const struct itimerval often = {{0, 1000}, {0, 1000}};
        int failed = 0;
        setitimer(ITIMER_REAL, &often, NULL);
        while (count < times || !ticks) {
            const int fd = open(argv[2], O_RDONLY);
            if (fd < 0 && errno != EINTR) failed++;
            close(fd);
        }
        printf("signals %ld sum %ld wrong %ld failed %d timer %s\n", count, sum, wrong, failed, ticks ? "runs" : "stands");
        fflush(stdout);
        raise(SIGTRAP);
        _exit(1);
    }
    for (int i = 1; i <= times; i++) {
        const union sigval v = {.sival_int = i};
        while (sigqueue(pid, SIGRTMIN + 1, v) != 0 && errno == EAGAIN) usleep(100);
    }
    int status;
    waitpid(pid, &status, 0);
    printf("ended by %d\n", WTERMSIG(status));
    return 0;
}
