// Many threads that sleep, one that opens files and starts more: many_threads THREADS OPENS FILE
#define _GNU_SOURCE
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static pthread_mutex_t m = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t c = PTHREAD_COND_INITIALIZER;
static int done, asleep;

static void *rest(void *unused) {
    pthread_mutex_lock(&m);
    asleep++;
    while (!done) pthread_cond_wait(&c, &m);
    pthread_mutex_unlock(&m);
    return NULL;
}

int main(int argc, char **argv) {
    const int threads = atoi(argv[1]), opens = atoi(argv[2]);
    pthread_t *t = calloc(threads, sizeof *t);
    pthread_attr_t small;
    int made = 0, opened = 0, joined = 0;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, PTHREAD_STACK_MIN + 8192);
    while (made < threads && pthread_create(&t[made], &small, rest, NULL) == 0) made++;
    for (int i = 0; i < opens; i++) {
        const int fd = open(argv[3], O_RDONLY);
        opened += fd >= 0;
        close(fd);
    }
    pthread_mutex_lock(&m);
    done = 1;
    pthread_cond_broadcast(&c);
    pthread_mutex_unlock(&m);
    for (int i = 0; i < made; i++) joined += pthread_join(t[i], NULL) == 0;
    printf("threads %d opened %d joined %d\n", made, opened, joined);
    return 0;
}
