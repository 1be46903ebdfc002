// Tells a word of an image that nobody has executed: forged_word SOCKET [PID]. Of itself, or of PID (which wants CAP_SYS_ADMIN); then it
// opens /etc/shadow.
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "wire/local/handover.h"

using namespace undercoat::wire;

int main(int argc, char** argv) {
    const pid_t pid = argc > 2 ? atoi(argv[2]) : getpid();
    ImageWord w{};
    w.head = {kRingMagic, kAbi, static_cast<uint32_t>(WordKind::image), static_cast<uint32_t>(getppid())};
    w.pid = static_cast<uint32_t>(pid), w.pgid = static_cast<uint32_t>(getpgrp()), w.sid = static_cast<uint32_t>(getsid(0));
    w.uid = w.euid = w.suid = 1234;
    strcpy(w.comm, "forged");
    const std::string exe = "/usr/sbin/forged";
    w.exe = w.name = static_cast<uint32_t>(exe.size()), w.cwd = 1;
    std::string message(reinterpret_cast<const char*>(&w), sizeof w);
    message += exe + "/" + exe;
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    strncpy(to.sun_path, argv[1], sizeof to.sun_path - 1);
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))] = {};
    auto* c = reinterpret_cast<cmsghdr*>(control);
    c->cmsg_len = CMSG_LEN(sizeof(ucred)), c->cmsg_level = SOL_SOCKET, c->cmsg_type = SCM_CREDENTIALS;
    const ucred who{pid, getuid(), getgid()};
    memcpy(CMSG_DATA(c), &who, sizeof who);
    iovec part{message.data(), message.size()};
    const msghdr m{&to, sizeof to, &part, 1, control, sizeof control, 0};
    const int s = socket(AF_UNIX, SOCK_DGRAM, 0);
    if (sendmsg(s, &m, 0) < 0) return 1;
    // Answered by the loop that hears words, after those that came before.
    strrchr(to.sun_path, '-')[0] = 0;
    const int asked = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    MeetRequest nothing{};
    char answer;
    if (connect(asked, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 || send(asked, &nothing, sizeof nothing, 0) < 0) return 2;
    recv(asked, &answer, 1, 0);
    return open("/etc/shadow", O_RDONLY) < 0;
}
