// Each process vforks the next one, and all end from the last to the first: their ends are the only calls that are held.
// usage: vfork_chain N. Prints how many ended well.
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv) {
    // Memory is shared by the whole chain: these are the newest process's.
    static volatile int depth, good;
    const int wanted = argc > 1 ? atoi(argv[1]) : 100;
    while (depth < wanted) {
        pid_t child = vfork();
        if (child < 0) break;
        if (child != 0) {
            int status = -1;
            if (waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 7) good++;
            if (--depth == 0) {
                printf("%d\n", good);
                fflush(stdout);
                return 0;
            }
            _exit(7);
        }
        depth++;
    }
    _exit(7);
}
