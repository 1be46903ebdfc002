// Runs commands by system() and popen(), in the way of an ordinary program, and prints what it sees of them and of itself.
//
// usage: shells FILE      the commands read it
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

extern char **environ;
static volatile int interrupted;

static void on_interrupt(int signal) { interrupted++; }

static void report(const char *what, int status) {
    struct sigaction now;
    sigset_t blocked;
    int entries = 0;
    while (environ[entries]) entries++;
    sigaction(SIGINT, NULL, &now);
    sigprocmask(SIG_SETMASK, NULL, &blocked);
    printf("%s: status %x interrupted %d kept %d %d blocked %d %d entries %d preload %d\n", what, status, interrupted,
           now.sa_handler == on_interrupt, now.sa_flags & SA_RESTART, sigismember(&blocked, SIGCHLD), sigismember(&blocked, SIGUSR1), entries,
           getenv("LD_PRELOAD") != NULL);
    fflush(stdout);
}

int main(int argc, char **argv) {
    char command[1024], line[256];
    struct sigaction act = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART};
    sigset_t set;
    if (argc < 2) return 2;
    sigaction(SIGINT, &act, NULL);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigprocmask(SIG_BLOCK, &set, NULL);
    report("system", system("env; kill -INT $PPID; tr '\\0' '|' </proc/$$/cmdline; grep -E '^Sig(Blk|Ign)' /proc/self/status; exit 3"));
    snprintf(command, sizeof command, "cat %s >/dev/null; kill -TERM $$", argv[1]);
    report("by a signal", system(command));
    report("asked", system(NULL));
    signal(SIGCHLD, SIG_IGN);
    errno = 0;
    const int status = system("exit 4");
    printf("unawaited: %d\n", status == -1 ? errno : status);
    signal(SIGCHLD, SIG_DFL);
    snprintf(command, sizeof command, "env; cat %s >/dev/null; exit 5", argv[1]);
    FILE *from = popen(command, "r");
    FILE *to = popen("cat", "w");
    fprintf(to, "to a command\n");
    const int ended = pclose(to);
    while (fgets(line, sizeof line, from)) fputs(line, stdout);
    report("popen", pclose(from));
    printf("the other: %d; no such way: %d %d\n", ended, popen("true", "x") != NULL, errno);
    return 0;
}
