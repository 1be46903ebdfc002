// Forbids itself the time stamp counter, then makes calls that are hooked, and says that it is alive.
//
// usage: clock_forbidden libc|syscall|raw|thread|child|early|strict|too-strict FILE
//   libc, syscall, raw   prctl(PR_SET_TSC), by libc's prctl, its syscall, or an instruction of our own
//   thread, child        by raw or libc, then FILE is opened by a new thread, or by a child
//   early                by raw, as the first thing that is done
//   strict, too-strict   prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT), then only what is allowed there, or an open too
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long raw(long nr, long a, long b) {
    long result;
    __asm__ volatile("xor %%r10d, %%r10d\n\txor %%r8d, %%r8d\n\tsyscall"
                     : "=a"(result)
                     : "a"(nr), "D"(a), "S"(b), "d"(0)
                     : "rcx", "r11", "r10", "r8", "memory");
    return result;
}

static void open_often(const char* path, int times) {
    while (times--) {
        const int fd = open(path, O_RDONLY);
        if (fd < 0) _exit(3);
        close(fd);
    }
}

static void* in_thread(void* path) {
    open_often(path, 6);
    return NULL;
}

static void forbid(const char* how) {
    if (!strcmp(how, "libc") || !strcmp(how, "child")) {
        if (prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0)) _exit(4);
    } else if (!strcmp(how, "syscall")) {
        if (syscall(SYS_prctl, PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0)) _exit(4);
    } else if (raw(SYS_prctl, PR_SET_TSC, PR_TSC_SIGSEGV)) {
        _exit(4);
    }
}

int main(int argc, char** argv) {
    if (argc < 3) return 2;
    const char *how = argv[1], *path = argv[2];
    if (strcmp(how, "early")) open_often("/dev/null", 20);
    if (strstr(how, "strict")) {
        if (prctl(PR_SET_SECCOMP, 1, 0, 0, 0)) return 6;
        if (how[0] == 't') open_often("/dev/null", 1);
        write(1, "alive\n", 6);
        syscall(SYS_exit, 0);
    }
    forbid(how);
    if (!strcmp(how, "thread")) {
        pthread_t t;
        pthread_create(&t, NULL, in_thread, (void*)path);
        pthread_join(t, NULL);
    } else if (!strcmp(how, "child")) {
        int status = 0;
        const pid_t pid = fork();
        if (pid == 0) {
            open_often(path, 6);
            _exit(0);
        }
        waitpid(pid, &status, 0);
        if (status) return 5;
    } else {
        open_often(path, 6);
    }
    write(1, "alive\n", 6);
    return 0;
}
