/* The workload of the container tests: does a little of everything an application's first process does, says what it found, and
 * ends with 7. Built for glibc, musl and statically.
 *
 * Must stay true: the output is the same in two runs of the same container: no pids, no times, no addresses. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

static const char* why(int result) { return result < 0 ? strerror(errno) : "done"; }

static void try_open(const char* path, int flags) {
    const int fd = open(path, flags, 0600);
    printf("open %s: %s\n", path, why(fd));
    if (fd >= 0) close(fd);
}

/* 7 when nobody is there to be waited for: no child of ours is the program's. */
static void look_for_children(const char* when) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    printf("%s: %s\n", when, pid > 0 ? "a child has ended" : pid == 0 ? "a child runs" : strerror(errno));
}

static void run(const char* self) {
    int status = 0;
    const pid_t pid = fork();
    if (pid == 0) {
        char* const argv[] = {(char*)self, (char*)"child", NULL};
        execv(self, argv);
        _exit(127);
    }
    if (pid < 0) printf("fork: %s\n", strerror(errno));
    if (waitpid(pid, &status, 0) != pid) printf("waitpid: %s\n", strerror(errno));  /* what the child says comes first */
    printf("child: exited %d with %d\n", WIFEXITED(status), WEXITSTATUS(status));
}

static volatile sig_atomic_t children_ended;
static void count_child(int signal) { children_ended += signal == SIGCHLD; }

/* Descriptors that are open; opening /proc/self/fd itself would be one more. */
static void list_descriptors(void) {
    printf("descriptors:");
    for (int fd = 0; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) >= 0) printf(" %d", fd);
    printf("\n");
}

int main(int argc, char** argv) {
    setvbuf(stdout, NULL, _IONBF, 0);
    if (argc > 1 && !strcmp(argv[1], "child")) {
        try_open("/etc/shadow", O_RDONLY);
        return 3;
    }
    if (argc > 1 && !strcmp(argv[1], "wait")) {  /* stands still until it is told to end */
        sigset_t set;
        int got = 0;
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigprocmask(SIG_BLOCK, &set, NULL);
        printf("waiting\n");
        sigwait(&set, &got);
        look_for_children("children at the end");
        return 9;
    }
    signal(SIGCHLD, count_child);
    list_descriptors();
    look_for_children("children at first");
    for (char** e = environ; *e; e++) printf("%s\n", *e);
    printf("uid %d gid %d\n", (int)geteuid(), (int)getegid());
    try_open("/etc/shadow", O_RDONLY);
    try_open("/etc/new", O_WRONLY | O_CREAT);
    try_open("/nowhere/file", O_RDONLY);
    printf("unshare: %s\n", why(unshare(CLONE_NEWNS)));
    printf("mkdir: %s\n", why(mkdir("/tmp/made", 0700)));
    printf("socket: %s\n", why(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)));
    run(argv[0]);
    look_for_children("children at last");
    printf("SIGCHLD came %d times\n", (int)children_ended);
    fprintf(stderr, "said on standard error\n");
    return 7;
}
