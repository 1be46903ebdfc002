// Processes, threads and executions that come and go, files and sockets with them: churn SECONDS [LOOPS]. Each of LOOPS (2) processes goes
// round until the time is over and prints how often; every failure is printed.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void files(const char *name) {
    const int fd = open(name, O_WRONLY | O_CREAT, 0600);
    if (fd < 0 || write(fd, "x", 1) != 1 || close(fd) || unlink(name)) printf("%s: %s\n", name, strerror(errno));
}

static void *thread(void *number) {
    char name[64];
    snprintf(name, sizeof name, "churn-%d-%ld", getpid(), (long)number);
    files(name);
    const int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(9), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (s < 0 || connect(s, (struct sockaddr *)&a, sizeof a) || close(s)) printf("socket: %s\n", strerror(errno));
    return NULL;
}

static void ended(const char *what, pid_t child) {
    int status = -1;
    if (child < 0 || waitpid(child, &status, 0) != child || status) printf("%s: %d, status %x\n", what, (int)child, status);
}

static void turn(long n) {
    pthread_t threads[4];
    for (long i = 0; i < 4; i++)
        if (pthread_create(&threads[i], NULL, thread, (void *)i)) printf("thread: %s\n", strerror(errno)), threads[i] = 0;
    for (int i = 0; i < 4; i++)
        if (threads[i]) pthread_join(threads[i], NULL);
    char number[24], *arguments[] = {"true", number, NULL};
    snprintf(number, sizeof number, "%ld", n);
    pid_t child = fork();
    if (child == 0) execv("/bin/true", arguments), _exit(9);
    ended("fork", child);
    child = vfork();
    if (child == 0) execv("/bin/true", arguments), _exit(9);
    ended("vfork", child);
    if (posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environ)) child = -1;
    ended("posix_spawn", child);
    child = fork();
    if (child == 0) {
        thread((void *)9);
        _exit(0);
    }
    ended("a child alone", child);
}

int main(int argc, char **argv) {
    const time_t end = time(NULL) + (argc > 1 ? atoi(argv[1]) : 1);
    const int loops = argc > 2 ? atoi(argv[2]) : 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 0; i < loops; i++) {
        if (fork()) continue;
        long n = 0;
        for (; time(NULL) < end; n++) turn(n);
        printf("turns %ld\n", n);
        return 0;
    }
    while (wait(NULL) > 0) {}
    return 0;
}
