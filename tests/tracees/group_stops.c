// A process of several threads is stopped and continued, again and again: group_stops TIMES FILE
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *file;
static int progress[2];

static void *work(void *unused) {
    for (;;) {
        close(open(file, O_RDONLY));
        (void)!write(progress[1], "x", 1);
    }
}

int main(int argc, char **argv) {
    const int signals[] = {SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU};
    int stopped = 0, continued = 0, status;
    char buffer[4096];
    file = argv[2];
    (void)!pipe(progress);
    setpgid(0, 0);
    const pid_t pid = fork();
    if (pid == 0) {
        pthread_t t;
        setpgid(0, 0);
        pthread_create(&t, NULL, work, NULL);
        pthread_create(&t, NULL, work, NULL);
        work(NULL);
    }
    setpgid(pid, pid);
    for (int i = 0; i < atoi(argv[1]); i++) {
        (void)!read(progress[0], buffer, sizeof buffer);
        const int s = signals[i % 4];
        kill(pid, s);
        if (waitpid(pid, &status, WUNTRACED) == pid && WIFSTOPPED(status) && WSTOPSIG(status) == s) stopped++;
        kill(pid, SIGCONT);
        if (waitpid(pid, &status, WCONTINUED) == pid && WIFCONTINUED(status)) continued++;
    }
    kill(pid, SIGSTOP);
    waitpid(pid, &status, WUNTRACED);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    printf("stopped %d continued %d ended by %d\n", stopped, continued, WTERMSIG(status));
    return 0;
}
