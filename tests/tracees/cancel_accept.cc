// Cancels a thread that is blocked in accept, connect to a full queue, or open of a pipe without a writer, and prints
// whether its destructors ran.
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

static const char* how;
static int waiting[2];
static bool destroyed;

struct Guard {
    ~Guard() { destroyed = true; }
};

__attribute__((noinline)) static void block() {
    Guard guard;
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < 6; i++) close(open("/dev/null", O_RDONLY));
    const int s = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(s, reinterpret_cast<sockaddr*>(&a), sizeof a) || listen(s, 1)) return;
    (void)!write(waiting[1], "x", 1);
    if (!strcmp(how, "accept")) accept(s, nullptr, nullptr);
    else if (!strcmp(how, "open")) open(how + 5, O_RDONLY);
}

static void* thread(void*) {
    block();
    return nullptr;
}

static int poll_accept() {
    const int s = socket(AF_INET, SOCK_STREAM, 0);
    int again = 0;
    if (listen(s, 1) || fcntl(s, F_SETFL, O_NONBLOCK)) return 1;
    for (int i = 0; i < 100; i++) again += accept(s, nullptr, nullptr) == -1 && errno == EAGAIN;
    std::printf("again %d\n", again);
    return 0;
}

int main(int argc, char** argv) {
    how = argc > 1 ? argv[1] : "accept";
    if (!strcmp(how, "nonblocking")) return poll_accept();
    std::string fifo;
    if (argc > 2) {
        fifo = std::string("open") + '\0' + argv[2];
        mkfifo(argv[2], 0600);
        how = fifo.c_str();
    }
    if (pipe(waiting)) return 1;
    pthread_t t;
    pthread_create(&t, nullptr, thread, nullptr);
    char c;
    if (read(waiting[0], &c, 1) != 1) return 1;
    usleep(20000);  // the thread is about to block; a cancellation before it does is acted on as well
    pthread_cancel(t);
    void* result;
    pthread_join(t, &result);
    std::printf("canceled %d destroyed %d\n", result == PTHREAD_CANCELED, destroyed);
    if (argc > 2) unlink(argv[2]);
    return 0;
}
