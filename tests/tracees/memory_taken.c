// Takes all memory below 4 GB that is not its own, as a program does that wants addresses of its choice; then goes on.
//
// usage: memory_taken unmap|over|protect FILE     FILE is opened afterwards
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void open_often(const char *path) {
    for (int i = 0; i < 6; i++) {
        const int fd = open(path, O_RDONLY);
        if (fd < 0) _exit(3);
        close(fd);
    }
}

int main(int argc, char **argv) {
    static char line[512];
    static unsigned long from[64], to[64];
    int n = 0;
    if (argc < 3) return 2;
    for (int i = 0; i < 4; i++) open_often("/dev/null");
    FILE *maps = fopen("/proc/self/maps", "r");
    while (fgets(line, sizeof line, maps) && n < 64) {
        if (strstr(line, "memory_taken") || strstr(line, "[heap")) continue;
        sscanf(line, "%lx-%lx", &from[n], &to[n]);
        if (from[n] < 1UL << 32) n++;
    }
    fclose(maps);
    for (int i = 0; i < n; i++) {
        void *const at = (void *)from[i];
        const size_t size = to[i] - from[i];
        if (!strcmp(argv[1], "unmap")) munmap(at, size);
        else if (!strcmp(argv[1], "protect")) mprotect(at, size, PROT_NONE);
        else memset(mmap(at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), 0x5a, size);
    }
    open_often(argv[2]);
    const pid_t pid = fork();
    if (pid == 0) {
        open_often("/dev/null");
        execl("/bin/echo", "echo", "child", NULL);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    for (int i = 0; i < n && !strcmp(argv[1], "over"); i++)
        if (*(unsigned char *)from[i] != 0x5a) return 4;
    puts(status ? "the child failed" : "alive");
    return 0;
}
