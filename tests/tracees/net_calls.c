// Makes each socket call once over the loopback interface and prints what each returned.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void say(const char *what, long r) {
    printf("%s %s %d\n", what, r < 0 ? "fails" : "works", r < 0 ? errno : 0);
}

int main(void) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)}, peer;
    socklen_t n = sizeof a;
    int s = socket(AF_INET, SOCK_STREAM, 0);
    say("socket", s);
    say("bind", bind(s, (void *)&a, sizeof a));
    say("listen", listen(s, 5));
    getsockname(s, (void *)&a, &n);
    int c = socket(AF_INET, SOCK_STREAM, 0);
    say("connect", connect(c, (void *)&a, sizeof a));
    n = sizeof peer;
    int t = accept(s, (void *)&peer, &n);
    say("accept", t);
    printf("peer %d\n", n == sizeof peer && peer.sin_addr.s_addr == a.sin_addr.s_addr);
    int c2 = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    connect(c2, (void *)&a, sizeof a);
    say("accept4", accept4(s, NULL, NULL, SOCK_CLOEXEC));
    say("send", send(c, "x", 1, 0));
    int u = socket(AF_INET, SOCK_DGRAM, 0), v = socket(AF_INET, SOCK_DGRAM, 0);
    a.sin_port = 0;
    bind(u, (void *)&a, sizeof a);
    n = sizeof a;
    getsockname(u, (void *)&a, &n);
    say("sendto", sendto(v, "hello", 5, 0, (void *)&a, sizeof a));
    struct iovec iov = {"message", 7};
    struct msghdr m = {.msg_name = &a, .msg_namelen = sizeof a, .msg_iov = &iov, .msg_iovlen = 1};
    say("sendmsg", sendmsg(v, &m, 0));
    m.msg_name = NULL;
    say("sendmsg without address", sendmsg(c, &m, 0));
    say("sendto without address", sendto(c, "y", 1, 0, NULL, 0));
    say("connect refused", connect(socket(AF_INET, SOCK_STREAM, 0),
                                   (void *)&(struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(1), .sin_addr = a.sin_addr}, sizeof a));
    say("connect bad fd", connect(-1, (void *)&a, sizeof a));
    struct addrinfo *info = NULL;
    printf("getaddrinfo %d\n", getaddrinfo("127.0.0.1", "80", NULL, &info));
    if (info) freeaddrinfo(info);
    return 0;
}
