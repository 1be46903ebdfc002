// Makes hooked calls on stacks that are as small as they can be natively: a coroutine's, and a signal handler's.
//
// usage: small_stack BYTES      of the coroutine's stack, and beyond what a signal frame needs
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static char long_path[700];

static void calls(void) {
    static struct sockaddr_un nobody = {AF_UNIX, "/nonexistent/socket"};
    close(open("/dev/null", O_RDONLY));
    close(open(long_path, O_RDONLY));
    rename("/nonexistent/a", long_path);
    const int s = socket(AF_UNIX, SOCK_STREAM, 0);
    connect(s, (void *)&nobody, sizeof nobody);
    close(s);
    mkdirat(AT_FDCWD, "/tmp", 0777);
    kill(getpid(), 0);
}

static void handler(int sig) { calls(); }

// The lower end of writable memory, below which nothing is mapped.
static char *stack(void) {
    char *const m = mmap(NULL, 1 << 17, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(m + (1 << 16), 1 << 16, PROT_READ | PROT_WRITE);
    return m + (1 << 16);
}

// Runs calls() on the given stack, which grows down from `top`.
static void run_on(char *top) {
    __asm__ volatile("movq %%rsp, %%rbx\n\tmovq %0, %%rsp\n\tcall *%1\n\tmovq %%rbx, %%rsp"
                     :
                     : "r"(top), "r"(calls)
                     : "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory");
}

int main(int argc, char **argv) {
    const size_t size = (size_t)atol(argc > 1 ? argv[1] : "4096") & ~15UL;
    memset(long_path, '/', sizeof long_path - 20);
    strcpy(long_path + sizeof long_path - 20, "dev/null");
    for (int i = 0; i < 20; i++) calls();
    run_on(stack() + size);
    puts("on a coroutine's");
    const unsigned long frame = getauxval(AT_MINSIGSTKSZ);
    const stack_t own = {.ss_sp = stack(), .ss_size = (frame ? frame : 2048) + size};
    sigaltstack(&own, NULL);
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_ONSTACK};
    sigaction(SIGUSR1, &action, NULL);
    raise(SIGUSR1);
    puts("on a handler's");
    return 0;
}
