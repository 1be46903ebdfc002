// Passes pointers that cannot be read, or no longer, strings at the end of a page and overlong strings; prints each errno.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
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
    for (int how = 0; how < 4; how++) take_away(how);
    return 0;
}
