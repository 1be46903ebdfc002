// Opens a missing file as often as told; prints how often it was missing.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
    int n = argc > 1 ? atoi(argv[1]) : 1000, missing = 0;
    for (int i = 0; i < n; i++) missing += open("/missing", O_RDONLY) == -1 && errno == ENOENT;
    printf("missing %d\n", missing);
    return 0;
}
