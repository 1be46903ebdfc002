// Opens a file in every mode of fopen and prints what the stream is like; then what opendir says of what is no directory.
//
// usage: fopen_modes FILE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv) {
    const char *modes[] = {"r", "r+", "w", "w+", "a", "a+", "re", "we", "ae", "rb", "rt", "wx", "w+x", "a+b", "rm", "ab", "q", "", "+r"};
    if (argc < 2) return 2;
    for (int i = 0; i < 20; i++) close(open("/dev/null", O_RDONLY));
    for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++) {
        const int fd = open(argv[1], O_WRONLY | O_TRUNC | O_CREAT, 0600);
        if (write(fd, "abc", 3) != 3) return 3;
        close(fd);
        errno = 0;
        FILE *f = fopen(argv[1], modes[i]);
        printf("%s: %d errno %d", modes[i], !!f, f ? 0 : errno);
        if (f) {
            printf(" at %ld flags %x %x", ftell(f), fcntl(fileno(f), F_GETFL), fcntl(fileno(f), F_GETFD));
            if (fputs("zz", f) >= 0) fflush(f);
            printf(" then %ld", ftell(f));
            fclose(f);
        }
        puts("");
    }
    FILE *pipe_end = fopen("/dev/tty", "a");  // cannot seek, where there is one
    if (pipe_end) fclose(pipe_end);
    const char *places[] = {"", "/dev/null", "/nonexistent", "/"};
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
        errno = 0;
        DIR *d = opendir(places[i]);
        printf("opendir %u: %d errno %d\n", i, !!d, d ? 0 : errno);
        if (d) closedir(d);
    }
    return 0;
}
