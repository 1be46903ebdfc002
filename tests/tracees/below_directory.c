// Makes calls that libc makes often and that depend on more than their text: files below a directory that is open, duplicates of
// descriptors, signals that wake. Prints how many of each did what they should.
//
// usage: below_directory DIRECTORY TIMES        DIRECTORY/file is there
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    const int times = atoi(argv[2]), top = open(argv[1], O_RDONLY | O_DIRECTORY);
    int opened = 0, made = 0, duplicated = 0, woken = 0, refused = 0;
    for (int i = 0; i < times; i++) {
        const int fd = openat(top, "file", O_RDONLY);
        opened += fd >= 0;
        close(fd);
        made += mkdirat(top, "made", 0700) == 0 && unlinkat(top, "made", AT_REMOVEDIR) == 0;
        const int copy = fcntl(top, F_DUPFD_CLOEXEC, 0);
        duplicated += copy > 2 && fcntl(copy, F_GETFD) == FD_CLOEXEC;
        const int below = openat(copy, ".", O_RDONLY | O_DIRECTORY);
        opened += below >= 0;
        close(below);
        close(copy);
        woken += kill(getpid(), SIGURG) == 0;
        refused += openat(copy, "file", O_RDONLY) < 0 && openat(1, "file", O_RDONLY) < 0;
    }
    close(0);
    const int first = fcntl(top, F_DUPFD, 0);
    printf("%d %d %d %d %d %d\n", opened, made, duplicated, woken, refused, first);
    return 0;
}
