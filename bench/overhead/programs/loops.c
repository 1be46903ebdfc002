// Repeats one operation in several processes and threads at once and reports the time of all.
//
// usage: loops CASE COUNT PROCESSES THREADS     cases: those of kCases; COUNT operations altogether
//
// Must stay true: all have warmed up and stand at one barrier when the time begins; it ends when the last is done.
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/mman.h>

#include "bench/overhead/programs/report.h"

static void* nothing(void* p) { return p; }

static void do_thread(void) {
    pthread_t t;
    errno = pthread_create(&t, NULL, nothing, NULL);
    if (errno) die("pthread_create");
    pthread_join(t, NULL);
}

struct loop {
    const char* name;
    void (*run)(void);
    int warm_up;
};

static const struct loop kCases[] = {
    {"openat_close", do_openat_close, 300}, {"udp_connect", do_udp_connect, 300}, {"tcp_refused", do_tcp_refused, 100},
    {"fork_exec", do_fork_exec, 5},         {"posix_spawn", do_posix_spawn, 5},   {"thread", do_thread, 50},
};

static const struct loop* loop;
static long each;
static pthread_barrier_t* barrier;

static void* work(void* unused) {
    for (int i = 0; i < loop->warm_up; ++i) loop->run();
    pthread_barrier_wait(barrier);  // all have warmed up
    pthread_barrier_wait(barrier);  // the time has begun
    for (long i = 0; i < each; ++i) loop->run();
    pthread_barrier_wait(barrier);
    return unused;
}

static void work_in_threads(int threads) {
    pthread_t others[threads];
    for (int t = 1; t < threads; ++t)
        if ((errno = pthread_create(&others[t], NULL, work, NULL))) die("pthread_create");
    work(NULL);
    for (int t = 1; t < threads; ++t) pthread_join(others[t], NULL);
}

int main(int argc, char** argv) {
    if (argc != 5) return fprintf(stderr, "usage: loops CASE COUNT PROCESSES THREADS\n"), 2;
    for (size_t i = 0; i < sizeof kCases / sizeof kCases[0]; ++i)
        if (strcmp(kCases[i].name, argv[1]) == 0) loop = &kCases[i];
    const int processes = atoi(argv[3]), threads = atoi(argv[4]);
    if (!loop || processes < 1 || threads < 1) return fprintf(stderr, "loops: unknown case or number\n"), 2;
    each = atol(argv[2]) / (processes * threads);
    if (each < 1) each = 1;
    find_closed_port();
    barrier = mmap(NULL, sizeof *barrier, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (barrier == MAP_FAILED) die("mmap");
    pthread_barrierattr_t shared;
    pthread_barrierattr_init(&shared);
    pthread_barrierattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_barrier_init(barrier, &shared, (unsigned)(processes * threads + 1));
    pid_t pids[processes];
    for (int p = 0; p < processes; ++p) {
        pids[p] = fork();
        if (pids[p] < 0) die("fork");
        if (pids[p] == 0) {
            work_in_threads(threads);
            _exit(0);
        }
    }
    pthread_barrier_wait(barrier);
    report_begin();
    pthread_barrier_wait(barrier);
    pthread_barrier_wait(barrier);
    report_end((double)each * processes * threads);
    for (int p = 0; p < processes; ++p) reap(pids[p]);
    return 0;
}
