// Times small operations and prints one JSON object: nanoseconds per operation of each case.
//
// usage: micro [CASE...]     cases: getppid openat_close udp_connect tcp_refused fork_exec posix_spawn
//
// Must stay true: each case warms up before it is timed (the shim sets itself up after some calls), calls libc as a normal
// program does, and checks that the operation did what it should. A case's time is the median of kBatches batches.
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/micro/operations.h"

enum { kBatches = 15 };

struct bench {
    const char* name;
    void (*run)(void);
    int warm_up;
    int per_batch;
};

static const struct bench kCases[] = {
    {"getppid", do_getppid, 1000, 20000},      {"openat_close", do_openat_close, 500, 2000},
    {"udp_connect", do_udp_connect, 500, 4000}, {"tcp_refused", do_tcp_refused, 200, 500},
    {"fork_exec", do_fork_exec, 10, 20},        {"posix_spawn", do_posix_spawn, 10, 20},
};

static int by_value(const void* a, const void* b) {
    double x = *(const double*)a, y = *(const double*)b;
    return x < y ? -1 : x > y;
}

static double measure(const struct bench* c) {
    double batch[kBatches];
    for (int i = 0; i < c->warm_up; ++i) c->run();
    for (int b = 0; b < kBatches; ++b) {
        const double start = now_ns();
        for (int i = 0; i < c->per_batch; ++i) c->run();
        batch[b] = (now_ns() - start) / c->per_batch;
    }
    qsort(batch, kBatches, sizeof batch[0], by_value);
    return batch[kBatches / 2];
}

static int wanted(const char* name, int argc, char** argv) {
    for (int i = 1; i < argc; ++i)
        if (strcmp(argv[i], name) == 0) return 1;
    return argc <= 1;
}

int main(int argc, char** argv) {
    const char* separator = "";
    find_closed_port();
    printf("{");
    for (size_t i = 0; i < sizeof kCases / sizeof kCases[0]; ++i) {
        if (!wanted(kCases[i].name, argc, argv)) continue;
        printf("%s\"%s\": %.1f", separator, kCases[i].name, measure(&kCases[i]));
        separator = ", ";
    }
    printf("}\n");
    return 0;
}
