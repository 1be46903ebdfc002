// Installs a seccomp filter that kills at any call but the few it makes itself (and those that libc makes where it is asked to), then
// opens a file from itself and from a child.
//
// usage: sealed libc|syscall|raw early|late FILE      by prctl, syscall(), or instructions of its own; as the first thing or
//                                                     after some calls
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// As in linux/filter.h and linux/seccomp.h, which musl has not got.
struct instruction {
    unsigned short code;
    unsigned char jt, jf;
    unsigned k;
};
struct program {
    unsigned short size;
    const struct instruction *code;
};
enum { LOAD_WORD = 0x20, JUMP_IF_EQUAL = 0x15, RETURN = 0x06, FILTER_MODE = 2, SET_MODE_FILTER = 1 };
static const unsigned allow = 0x7fff0000, kill_process = 0x80000000;

static long raw(long nr, long a, long b, long c, long d, long e) {
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    __asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
    return result;
}

// Every other time below a directory that was opened before.
static int directory;
static void open_often(const char *path, int times) {
    while (times--) {
        const int fd = times % 2 ? openat(directory, strrchr(path, '/') + 1, O_RDONLY) : open(path, O_RDONLY);
        if (fd < 0) _exit(3);
        close(fd);
    }
}

int main(int argc, char **argv) {
    static const short allowed[] = {SYS_open, SYS_openat, SYS_close, SYS_write, SYS_fork, SYS_wait4, SYS_exit_group,
                                    SYS_rt_sigprocmask};
    enum { MOST = sizeof allowed / sizeof *allowed };
    static struct instruction code[2 * MOST + 2] = {{LOAD_WORD, 0, 0, 0}};
    if (argc < 4) return 2;
    const int n = strcmp(argv[1], "raw") ? MOST : MOST - 1;
    for (int i = 0; i < n; i++) {
        code[2 * i + 1] = (struct instruction){JUMP_IF_EQUAL, 0, 1, (unsigned)allowed[i]};
        code[2 * i + 2] = (struct instruction){RETURN, 0, 0, allow};
    }
    code[2 * n + 1] = (struct instruction){RETURN, 0, 0, kill_process};
    const struct program program = {2 * n + 2, code};
    static char above[4096];
    strncpy(above, argv[3], strrchr(argv[3], '/') - argv[3]);
    directory = open(above, O_RDONLY | O_DIRECTORY);
    if (!strcmp(argv[2], "late")) open_often(argv[3], 20);
    if (!strcmp(argv[1], "libc")) {
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, FILTER_MODE, &program, 0, 0)) return 4;
    } else if (!strcmp(argv[1], "syscall")) {
        if (syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_seccomp, SET_MODE_FILTER, 0, &program)) return 4;
    } else if (raw(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || raw(SYS_seccomp, SET_MODE_FILTER, 0, (long)&program, 0, 0)) {
        return 4;
    }
    open_often(argv[3], 6);
    int status = 0;
    const long pid = raw(SYS_fork, 0, 0, 0, 0, 0);
    if (pid == 0) {
        open_often(argv[3], 6);
        _exit(0);
    }
    wait4(pid, &status, 0, NULL);
    if (status) _exit(5);
    write(1, "alive\n", 6);
    _exit(0);
}
