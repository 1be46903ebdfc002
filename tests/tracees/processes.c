// fork, vfork, threads and a clone that shares memory, each opening files; prints a line for each.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void touch(const char *path, int times) {
    for (int i = 0; i < times; i++) close(open(path, O_RDONLY));
}

static void *thread(void *path) {
    touch(path, 50);
    return NULL;
}

static int shared(void *path) {
    touch(path, 5);
    return 0;
}

// By instructions of its own: the kernel knows no MADV_WIPEONFORK from here on, as gVisor.
static void forbid_wiping(void) {
#ifdef __x86_64__
    static const struct {
        unsigned short code;
        unsigned char jt, jf;
        unsigned k;
    } code[] = {{0x20, 0, 0, 0}, {0x15, 0, 3, SYS_madvise}, {0x20, 0, 0, 32}, {0x15, 0, 1, 18}, {0x06, 0, 0, 0x00050000 | EINVAL}, {0x06, 0, 0, 0x7fff0000}};
    const struct {
        unsigned short size;
        const void *code;
    } program = {sizeof code / sizeof *code, code};
    long result;
    register long r10 __asm__("r10") = 0;
    register long r8 __asm__("r8") = 0;
    __asm__ volatile("syscall" : "=a"(result) : "a"(SYS_prctl), "D"(PR_SET_NO_NEW_PRIVS), "S"(1), "d"(0), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
    __asm__ volatile("syscall" : "=a"(result) : "a"(SYS_prctl), "D"(PR_SET_SECCOMP), "S"(2), "d"(&program), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
    if (result) _exit(9);
#endif
}

static void wait_for(const char *what, pid_t pid) {
    int status;
    printf("%s %d\n", what, waitpid(pid, &status, __WALL) == pid ? status : -1);
    fflush(stdout);
}

int main(int argc, char **argv) {
    const char *how = argc > 1 ? argv[1] : "";
    if (!strcmp(how, "unwiped-daemon")) forbid_wiping();
    touch("/main", 10);
    if (!strcmp(how, "unprivileged-fork")) {
        prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
        how = "fork";
    }
    if (!strcmp(how, "fork")) {
        pid_t pid = fork();
        if (pid == 0) {
            touch("/child", 10);
            pid_t grandchild = fork();
            if (grandchild == 0) {
                touch("/grandchild", 10);
                _exit(0);
            }
            waitpid(grandchild, NULL, 0);
            _exit(0);
        }
        wait_for("fork", pid);
    } else if (!strcmp(how, "unwiped-daemon")) {
        int end[2];
        char c;
        if (pipe(end)) return 1;
        const pid_t pid = fork();
        if (pid == 0) {
            touch("/child", 10);
            if (daemon(1, 1)) _exit(1);
            touch("/grandchild", 10);
            _exit(0);
        }
        close(end[1]);
        while (read(end[0], &c, 1) > 0) {
        }
        wait_for("fork", pid);
    } else if (!strcmp(how, "vfork")) {
        for (int i = 0; i < 3; i++) {
            pid_t pid = vfork();
            if (pid == 0) {
                touch("/vchild", 5);
                _exit(7);
            }
            wait_for("vfork", pid);
        }
    } else if (!strcmp(how, "threads")) {
        pthread_t t[4];
        for (int i = 0; i < 4; i++) pthread_create(&t[i], NULL, thread, "/thread");
        for (int i = 0; i < 4; i++) pthread_join(t[i], NULL);
    } else if (!strcmp(how, "shared")) {
        char *stack = malloc(65536);
        wait_for("clone", clone(shared, stack + 65536, CLONE_VM | SIGCHLD, "/shared"));
    } else if (!strcmp(how, "shared-vfork")) {
        char *stack = malloc(65536);
        wait_for("clone", clone(shared, stack + 65536, CLONE_VM | CLONE_VFORK | SIGCHLD, "/shared"));
    }
    touch("/after", 10);
    puts("end");
    return 0;
}
