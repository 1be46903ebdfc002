// Prints its environment, one entry a line; with an argument, execs itself first by the way named, with A=1 as the whole
// environment or with what it has itself.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv) {
    char *own[] = {argv[0], NULL}, *env[] = {"A=1", NULL};
    const char *how = argc > 1 ? argv[1] : "";
    pid_t pid;
    int status;
    if (!strcmp(how, "execve")) return execve(argv[0], own, env);
    if (!strcmp(how, "execve-null")) return execve(argv[0], own, NULL);
    if (!strcmp(how, "execv")) return execv(argv[0], own);
    if (!strcmp(how, "execvp")) return execvp(argv[0], own);
    if (!strcmp(how, "execvpe")) return execvpe(argv[0], own, env);
    if (!strcmp(how, "execl")) return execl(argv[0], argv[0], (char *)NULL);
    if (!strcmp(how, "execlp")) return execlp(argv[0], argv[0], (char *)NULL);
    if (!strcmp(how, "execle")) return execle(argv[0], argv[0], (char *)NULL, env);
    if (!strcmp(how, "fexecve")) return fexecve(open(argv[0], O_RDONLY), own, env);
    if (!strcmp(how, "clearenv")) return clearenv(), execv(argv[0], own);
    if (!strcmp(how, "user-preload")) return execve(argv[0], own, (char *[]){"LD_PRELOAD=", "A=1", NULL});
    if (!strcmp(how, "spawn")) {
        if (posix_spawn(&pid, argv[0], NULL, NULL, own, env)) return 1;
        return waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : 1;
    }
    if (!strcmp(how, "spawnp")) {
        if (posix_spawnp(&pid, argv[0], NULL, NULL, own, env)) return 1;
        return waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : 1;
    }
    if (!strcmp(how, "vfork")) {
        pid = vfork();
        if (pid == 0) {
            execve(argv[0], own, env);
            _exit(1);
        }
        return waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : 1;
    }
    if (!strcmp(how, "too-big")) {
        static char big[120 * 1024];
        memset(big, 'x', sizeof big - 1);
        char *v[40] = {argv[0], "count"};
        for (int i = 2; i < 39; i++) v[i] = big;
        execve(argv[0], v, env);
        printf("errno %d\n", errno);
        return 0;
    }
    if (!strcmp(how, "missing")) {
        execve("/missing", own, env);
        printf("errno %d\n", errno);
        execvp("missing-program", own);
        printf("errno %d\n", errno);
        return 0;
    }
    for (char **e = environ; *e; e++) puts(*e);
    return 0;
}
