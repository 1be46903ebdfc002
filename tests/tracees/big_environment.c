// Executes `true` in vfork children, with an environment of very many entries, and prints by how many pages its memory grows from
// the second to the last, and how they ended.
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int pages(void) {
    FILE *f = fopen("/proc/self/statm", "r");
    int n = 0;
    fscanf(f, "%d", &n);
    fclose(f);
    return n;
}

int main(void) {
    enum { MANY = 5000 };
    static char entries[MANY][16], *env[MANY + 1];
    char *argv[] = {"true", NULL};
    int before = 0, status = 0, worst = 0;
    for (int i = 0; i < MANY; i++) {
        sprintf(entries[i], "E%d=%d", i, i);
        env[i] = entries[i];
    }
    for (int i = 0; i < 20; i++) pages();  // whatever else comes with the first calls
    for (int i = 0; i < 20; i++) {
        const pid_t pid = vfork();
        if (pid == 0) {
            execve(i % 2 ? "/bin/true" : "/nowhere/true", argv, env);
            _exit(i % 2 ? 1 : 0);
        }
        if (waitpid(pid, &status, 0) != pid || status) worst = status;
        if (i == 1) before = pages();
    }
    printf("grown by %d, status %d\n", pages() - before, worst);
    return 0;
}
