// A page under userfaultfd holds a path; who serves its fault opens a file first: faulting_page FILE
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// linux/userfaultfd.h, which musl does not have.
struct api { uint64_t api, features, ioctls; };
struct registration { uint64_t start, length, mode, ioctls; };
struct copy { uint64_t to, from, length, mode; int64_t copied; };
#define UFFDIO_API 0xc018aa3f
#define UFFDIO_REGISTER 0xc020aa00
#define UFFDIO_COPY 0xc028aa03

static int fault_fd;
static char *page;
static const char *file;

static void *serve(void *unused) {
    static char content[4096] __attribute__((aligned(4096)));
    char message[64];
    if (read(fault_fd, message, sizeof message) <= 0) return NULL;
    const int fd = open(file, O_RDONLY);
    printf("served: %s\n", fd >= 0 ? "opened" : strerror(errno));
    strcpy(content, file);
    struct copy c = {(uint64_t)page, (uint64_t)content, 4096, 0, 0};
    ioctl(fault_fd, UFFDIO_COPY, &c);
    return NULL;
}

int main(int argc, char **argv) {
    file = argv[1];
    fault_fd = syscall(SYS_userfaultfd, O_CLOEXEC);
    struct api a = {0xaa, 0, 0};
    if (fault_fd < 0 || ioctl(fault_fd, UFFDIO_API, &a) != 0) {
        printf("no userfaultfd\n");
        return 0;
    }
    page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct registration r = {(uint64_t)page, 4096, 1, 0};
    ioctl(fault_fd, UFFDIO_REGISTER, &r);
    pthread_t t;
    pthread_create(&t, NULL, serve, NULL);
    const int fd = syscall(SYS_openat, AT_FDCWD, page, O_RDONLY);
    pthread_join(t, NULL);
    printf("opened %d\n", fd >= 0);
    return 0;
}
