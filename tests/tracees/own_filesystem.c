// A file system whose server makes calls itself, and a client of it: own_filesystem DIRECTORY FILE CLIENTS DELAY_MS
// The server answers each look-up after it has opened FILE and waited; CLIENTS processes open a path inside at once, while another one
// opens FILE again and again. Prints how many clients opened, and the slowest call in ms of the one that has nothing to do with it.
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int device;

static long now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000L + t.tv_nsec / 1000000;
}

static int raw_open(const char *path) { return (int)syscall(SYS_openat, AT_FDCWD, path, O_RDONLY); }

static void reply(unsigned long long unique, int error, const void *data, size_t n) {
    struct { struct fuse_out_header head; char body[512]; } out = {{(unsigned)(sizeof out.head + n), -error, unique}, {0}};
    memcpy(out.body, data, n);
    if (write(device, &out, out.head.len) < 0 && errno != ENOENT) exit(3);
}

static struct fuse_attr attributes(unsigned long long node) {
    struct fuse_attr a = {0};
    a.ino = node;
    a.mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0644;
    a.nlink = 1;
    return a;
}

static void serve(const char *file, int delay) {
    static char buffer[1 << 17];
    for (ssize_t n; (n = read(device, buffer, sizeof buffer)) > 0 || errno == EINTR;) {
        const struct fuse_in_header *in = (void *)buffer;
        struct fuse_init_out init = {.major = 7, .minor = 26, .max_write = 4096};
        struct fuse_entry_out entry = {.nodeid = 2, .attr = attributes(2)};
        struct fuse_attr_out attr = {.attr = attributes(in->nodeid)};
        struct fuse_open_out opened = {.fh = 1};
        switch (in->opcode) {
            case FUSE_INIT: reply(in->unique, 0, &init, sizeof init); break;
            case FUSE_LOOKUP: {
                const struct timespec pause = {0, delay * 1000000L};
                close(raw_open(file));
                nanosleep(&pause, NULL);
                reply(in->unique, 0, &entry, sizeof entry);
                break;
            }
            case FUSE_GETATTR: reply(in->unique, 0, &attr, sizeof attr); break;
            case FUSE_OPEN: reply(in->unique, 0, &opened, sizeof opened); break;
            case FUSE_FORGET: case FUSE_BATCH_FORGET: case FUSE_INTERRUPT: break;
            case FUSE_FLUSH: case FUSE_RELEASE: case FUSE_ACCESS: reply(in->unique, 0, NULL, 0); break;
            default: reply(in->unique, ENOSYS, NULL, 0);
        }
    }
    exit(0);
}

int main(int argc, char **argv) {
    char options[128], path[256];
    const int clients = atoi(argv[3]);
    device = open("/dev/fuse", O_RDWR);
    snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other", device);
    if (device < 0 || mount("fuse", argv[1], "fuse", 0, options) != 0) {
        printf("no fuse: %s\n", strerror(errno));
        return 0;
    }
    const pid_t server = fork();
    if (server == 0) serve(argv[2], atoi(argv[4]));
    snprintf(path, sizeof path, "%s/inside", argv[1]);
    for (int i = 0; i < clients; ++i)
        if (fork() == 0) _exit(raw_open(path) < 0);
    long slowest = 0;
    int running = clients, opened = 0, status;
    while (running > 0) {
        const long began = now_ms();
        close(raw_open(argv[2]));
        if (now_ms() - began > slowest) slowest = now_ms() - began;
        while (running > 0 && waitpid(-1, &status, WNOHANG) > 0) {
            --running;
            opened += status == 0;
        }
    }
    umount2(argv[1], MNT_DETACH);
    kill(server, SIGKILL);
    printf("opened %d\nslowest %ld\n", opened, slowest);
    return 0;
}
