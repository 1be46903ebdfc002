// A thread that is not the leader executes a program while others open files: thread_exec FILE PROGRAM ARGUMENTS...
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

static pthread_barrier_t begun;

static void *open_for_ever(void *path) {
    pthread_barrier_wait(&begun);
    for (;;) close(open(path, O_RDONLY));
}

static void *execute(void *argv) {
    pthread_barrier_wait(&begun);
    execv(((char **)argv)[0], argv);
    return NULL;
}

int main(int argc, char **argv) {
    pthread_t t;
    pthread_barrier_init(&begun, NULL, 5);
    for (int i = 0; i < 3; i++) pthread_create(&t, NULL, open_for_ever, argv[1]);
    pthread_create(&t, NULL, execute, argv + 2);
    open_for_ever(argv[1]);
}
