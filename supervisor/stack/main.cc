// The program `unwinder`: answers questions about stacks (asker.h) on descriptor 0 until its other end is closed.
//
// Must stay true: it keeps nothing but what it has read of files; whatever it is asked and whatever the files hold, it does not
// write anywhere but to that socket. It is killed when it is late, so it needs no deadlines of its own.
#include "supervisor/stack/asker.h"
#include "supervisor/stack/reader.h"

#include <csignal>
#include <cstring>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

using namespace undercoat;

int main() {
    ::prctl(PR_SET_DUMPABLE, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    constexpr rlim_t kMemory = 512 << 20;
    const rlimit memory{kMemory, kMemory}, none{0, 0};
#ifndef __SANITIZE_ADDRESS__  // which takes terabytes of addresses
    ::setrlimit(RLIMIT_AS, &memory);
#else
    (void)memory;
#endif
    ::setrlimit(RLIMIT_CORE, &none);
    ::setrlimit(RLIMIT_FSIZE, &none);
    stack::Reader reader;
    std::vector<char> buffer(64 * 1024);
    for (;;) {
        const ssize_t n = ::recv(STDIN_FILENO, buffer.data(), buffer.size(), 0);
        stack::Question q;
        if (n < static_cast<ssize_t>(sizeof q)) return 0;
        std::memcpy(&q, buffer.data(), sizeof q);
        if (size_t{q.stack} + q.code + sizeof q != static_cast<size_t>(n)) return 1;
        const char* at = buffer.data() + sizeof q;
        std::string text = reader.text(q.pid, q.vpid, {at, q.stack}, {at + q.stack, q.code});
        text.resize(std::min(text.size(), stack::kMostAnswer - 1));
        text += '\n';
        if (::send(STDIN_FILENO, text.data(), text.size(), MSG_NOSIGNAL) < 0) return 0;
    }
}
