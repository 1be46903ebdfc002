// Processes of several threads that make calls without end, killed or ended at any moment: kill_storm TIMES FILE
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *file;

static void *work(void *unused) {
    for (;;) close(syscall(SYS_openat, AT_FDCWD, file, O_RDONLY));
}

static void *breed(void *unused) {
    for (;;) {
        pthread_t t;
        if (pthread_create(&t, NULL, (void *(*)(void *))getpid, NULL) == 0) pthread_join(t, NULL);
    }
}

int main(int argc, char **argv) {
    int killed = 0, ended = 0, other = 0, status;
    file = argv[2];
    srand(7);
    for (int i = 0; i < atoi(argv[1]); i++) {
        const int delay = rand() % 4000;
        const pid_t pid = fork();
        if (pid == 0) {
            pthread_t t;
            for (int n = 0; n < 3; n++) pthread_create(&t, NULL, n ? work : breed, NULL);
            if (i % 2) work(NULL);
            usleep(delay);
            _exit(9);
        }
        usleep(delay);
        if (i % 2) kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) killed++;
        else if (WIFEXITED(status) && WEXITSTATUS(status) == 9) ended++;
        else other++;
    }
    printf("killed %d ended %d other %d\n", killed, ended, other);
    return 0;
}
