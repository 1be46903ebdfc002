// Passes pointers that cannot be read, or no longer, strings at the end of a page and overlong strings; prints each errno.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static char overlong[5000];

// A page that has been read often, and then is taken away in one of four ways.
static void take_away(int how) {
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(page, "/dev/null", 10);
    for (int i = 0; i < 8; i++) close(open(page, O_RDONLY));
    if (how == 0) munmap(page, 4096);
    if (how == 1) mprotect(page, 4096, PROT_NONE);
    if (how == 2) mmap(page, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (how == 3) mremap(page, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    errno = 0;
    const int fd = open(page, O_RDONLY);
    printf("taken away %d: %d\n", how, errno);
    close(fd);
}

// The first path is not there, so that the second is not looked at.
static void two_paths(const char *bad) {
    int r[] = {rename("/nonexistent/a", bad), link("/nonexistent/a", bad), symlink("/nonexistent/a", bad),
               linkat(AT_FDCWD, "/nonexistent/a", AT_FDCWD, bad, 0), renameat(AT_FDCWD, "/nonexistent/a", AT_FDCWD, bad),
               (int)syscall(SYS_pivot_root, "/nonexistent/a", bad), (int)syscall(SYS_move_mount, AT_FDCWD, "/nonexistent/a", AT_FDCWD, bad, 0),
               mount("none", "/nonexistent/a", bad, 0, NULL)};
    for (unsigned i = 0; i < sizeof r / sizeof *r; i++) printf("two paths %u: %d\n", i, r[i]);
}

// Messages on descriptors that are none or no sockets, to addresses without a length.
static void messages(void *bad) {
    char byte = 'x';
    struct iovec part = {&byte, 1};
    struct msghdr whole = {.msg_iov = &part, .msg_iovlen = 1}, named = {.msg_name = bad, .msg_namelen = 0, .msg_iov = &part, .msg_iovlen = 1};
    const int file = open("/dev/null", O_RDWR), udp = socket(AF_INET, SOCK_DGRAM, 0), fds[] = {-1, file, udp};
    for (int i = 0; i < 3; i++) {
#ifdef __GLIBC__
        struct msghdr *messages[] = {bad, NULL, &whole, &named};
#else  // musl reads them itself
        struct msghdr *messages[] = {NULL, NULL, &whole, &named};
#endif
        for (int m = 0; m < 4; m++) {
            errno = 0;
            const long r = sendmsg(fds[i], messages[m], MSG_DONTWAIT);
            printf("sendmsg %d %d: %ld %d\n", i, m, r, errno);
        }
        errno = 0;
        const long r = sendto(fds[i], &byte, 1, MSG_DONTWAIT, bad, 0);
        printf("sendto %d: %ld %d\n", i, r, errno);
        errno = 0;
        const int opened = open(bad, O_RDONLY);
        printf("open after it: %d %d\n", opened, errno);
    }
    close(file), close(udp);
}

// There is room for no address, for a part of one, for a whole one.
static void peers(void *bad) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    const int s = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(s, (struct sockaddr *)&a, size) || listen(s, 16) || getsockname(s, (struct sockaddr *)&a, &size)) perror("listen");
    char *const end = (char *)mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) + 4096;
    munmap(end, 4096);
    struct sockaddr_in whole;
    struct { void *to; socklen_t room; } places[] = {{bad, 0}, {end - 8, 8}, {end - 16, 16}, {bad, 16}, {&whole, 0}, {&whole, sizeof whole}};
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
        const int c = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(c, (struct sockaddr *)&a, sizeof a)) perror("connect");
        socklen_t room = places[i].room;
        errno = 0;
        const int got = accept(s, places[i].to, &room);
        printf("accept %u: %d %d %u\n", i, got >= 0, errno, room);
        close(got), close(c);
    }
    close(s);
}

int main(void) {
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *none = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(page + 4096, 4096);
    memset(page, 'x', 4096);
    memset(overlong, '/', sizeof overlong - 1);
    memcpy(page, "/", 2);
    char *end = memcpy(page + 4096 - 10, "/dev/null", 10);
    const char *paths[] = {NULL, (char *)1, (char *)-1L, (char *)0x8000000000000000, (char *)0x200000, "", overlong, page + 2000, none, end, page};
    for (int i = 0; i < 5; i++) close(open("/dev/null", O_RDONLY));
    for (int round = 0; round < 2; round++)
        for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) {
            if (paths[i] == page + 2000) memset(page + 2000, 'x', 2096);
            if (paths[i] == end) memcpy(end, "/dev/null", 10);
            errno = 0;
            int fd = open(paths[i], O_RDONLY);
            printf("open %u: %d\n", i, errno);
            close(fd);
            errno = 0;
            fd = openat(-5, paths[i], O_RDONLY);
            printf("openat %u: %d\n", i, errno);
            close(fd);
            errno = 0;
            rename(paths[i], "/nowhere/x");
            printf("rename %u: %d\n", i, errno);
            errno = 0;
            connect(-1, (const void *)paths[i], 16);
            printf("connect %u: %d\n", i, errno);
            errno = 0;
            connect(socket(AF_INET, SOCK_STREAM, 0), (const void *)paths[i], 16);
            printf("connect %u: %d\n", i, errno);
        }
    for (int i = 0; i < 3; i++) {  // a string that may be left out
        errno = 0;
        mount("none", "/nonexistent/place", NULL, MS_PRIVATE, NULL);
        printf("mount without a type: %d\n", errno);
    }
    for (int i = 0; i < 2; i++) two_paths(none), two_paths(page + 2000), messages(none), peers(none);
    for (int how = 0; how < 4; how++) take_away(how);
    return 0;
}
