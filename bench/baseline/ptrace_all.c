// Plain ptrace, the baseline: runs a command and stops it at the entry and exit of every system call (PTRACE_SYSCALL), reads
// the registers at each stop and the path of file and exec calls, as an agent built on ptrace must.
//
// usage: ptrace_all COMMAND [ARGUMENT...]      The exit status is the command's; a summary goes to $PTRACE_ALL_COUNT, if set.
//
// Must stay true: the command behaves as without it: signals are forwarded, stops stop, children and threads are followed,
// a tracee that vanishes is normal.
#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

enum { kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
                  PTRACE_O_EXITKILL };

static unsigned long stops, paths;
static volatile pid_t workload;

// A signal to the tracer is meant for the command.
static void forward(int sig) {
    const int saved = errno;
    if (workload > 0) kill(workload, sig);
    errno = saved;
}

// Which argument is a path, or -1.
static int path_argument(unsigned long long nr) {
    switch (nr) {
        case SYS_open: case SYS_creat: case SYS_execve: case SYS_unlink: case SYS_rename: case SYS_mkdir: case SYS_chmod: return 0;
        case SYS_openat: case SYS_openat2: case SYS_execveat: case SYS_unlinkat: case SYS_renameat2: case SYS_mkdirat: return 1;
        default: return -1;
    }
}

static void look(pid_t tid) {
    struct user_regs_struct r;
    struct iovec regs = {&r, sizeof r};
    if (ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &regs) != 0) return;
    ++stops;
    const unsigned long long arguments[] = {r.rdi, r.rsi};
    const int at = path_argument(r.orig_rax);
    if (at < 0 || (long)r.rax != -ENOSYS) return;  // the exit stop: the path has been read at the entry
    char path[1024];
    // Up to the end of the page, then the next: a string may end right before memory that is not mapped.
    const unsigned long long address = arguments[at];
    const size_t first = 4096 - address % 4096 < sizeof path ? 4096 - address % 4096 : sizeof path;
    struct iovec local = {path, first}, remote = {(void*)(size_t)address, first};
    ssize_t n = process_vm_readv(tid, &local, 1, &remote, 1, 0);
    if (n == (ssize_t)first && first < sizeof path && !memchr(path, 0, first)) {
        struct iovec local2 = {path + first, sizeof path - first}, remote2 = {(void*)(size_t)(address + first), sizeof path - first};
        n = process_vm_readv(tid, &local2, 1, &remote2, 1, 0);
    }
    if (n > 0) ++paths;
}

// One stop of one thread: look, and let it go on. ESRCH everywhere means that it was killed meanwhile.
static void handle(pid_t tid, int status) {
    const int sig = WSTOPSIG(status), event = status >> 16;
    if (sig == (SIGTRAP | 0x80)) {
        look(tid);
        ptrace(PTRACE_SYSCALL, tid, 0, 0);
    } else if (event == PTRACE_EVENT_STOP && (sig == SIGSTOP || sig == SIGTSTP || sig == SIGTTIN || sig == SIGTTOU)) {
        ptrace(PTRACE_LISTEN, tid, 0, 0);  // a group stop: stay stopped until SIGCONT
    } else if (event) {
        ptrace(PTRACE_SYSCALL, tid, 0, 0);
    } else {
        ptrace(PTRACE_SYSCALL, tid, 0, sig);  // a signal on its way to the thread
    }
}

static void finish(int status) {
    const char* file = getenv("PTRACE_ALL_COUNT");
    FILE* f = file ? fopen(file, "w") : NULL;
    if (f) {
        fprintf(f, "%lu stops, %lu paths\n", stops, paths);
        fclose(f);
    }
    if (WIFSIGNALED(status)) {
        signal(WTERMSIG(status), SIG_DFL);
        sigset_t one;
        sigemptyset(&one);
        sigaddset(&one, WTERMSIG(status));
        raise(WTERMSIG(status));
        sigprocmask(SIG_UNBLOCK, &one, NULL);
        exit(128 + WTERMSIG(status));
    }
    exit(WEXITSTATUS(status));
}

int main(int argc, char** argv) {
    if (argc < 2) {
        fprintf(stderr, "usage: ptrace_all COMMAND [ARGUMENT...]\n");
        return 2;
    }
    int gate[2];
    if (pipe(gate) != 0) return 2;
    const pid_t child = fork();
    if (child < 0) return 2;
    if (child == 0) {
        char go;
        close(gate[1]);
        if (read(gate[0], &go, 1) != 1) _exit(2);
        close(gate[0]);
        execvp(argv[1], argv + 1);
        fprintf(stderr, "ptrace_all: %s: %s\n", argv[1], strerror(errno));
        _exit(errno == ENOENT ? 127 : 126);
    }
    workload = child;
    const int forwarded[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof forwarded / sizeof forwarded[0]; ++i) signal(forwarded[i], forward);
    if (ptrace(PTRACE_SEIZE, child, 0, kOptions) != 0 || ptrace(PTRACE_INTERRUPT, child, 0, 0) != 0) {
        perror("ptrace_all: PTRACE_SEIZE");
        kill(child, SIGKILL);
        return 2;
    }
    close(gate[0]);
    if (write(gate[1], "g", 1) != 1) return 2;
    close(gate[1]);
    int result = 0;
    for (;;) {
        int status;
        const pid_t tid = waitpid(-1, &status, __WALL);
        if (tid < 0 && errno == EINTR) continue;
        if (tid < 0) finish(result);  // ECHILD: the last one is gone
        if (!WIFSTOPPED(status)) {
            if (tid == child) result = status;
            if (tid == child) finish(status);
            continue;
        }
        handle(tid, status);
    }
}
