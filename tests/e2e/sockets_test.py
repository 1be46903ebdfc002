"""What is told of sockets: kind and number from a program's first call on, and both ends of a connection as far as they can be known."""
import socket

from harness import TRACERS, Case, under

# PROGRAM udp|tcp PORT: connects with what is its first call.
FIRST = r'''
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
int main(int argc, char **argv) {
    const int s = socket(AF_INET, argv[1][0] == 'u' ? SOCK_DGRAM : SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(atoi(argv[2]))};
    connect(s, (void *)&a, sizeof a);
    return 0;
}'''

# PROGRAM null|address ADDRESS: listens there, and accepts what a child of it connects from an address of its own; prints both ends as
# getpeername and getsockname say, and what the client saw as its port.
ACCEPTS = r'''
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv) {
    struct sockaddr_in a = {.sin_family = AF_INET}, p;
    socklen_t n = sizeof a;
    inet_aton(argv[2], &a.sin_addr);
    const int s = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(s, (void *)&a, n) || listen(s, 1) || getsockname(s, (void *)&a, &n)) return 2;
    const pid_t child = fork();
    if (child == 0) {
        const int c = socket(AF_INET, SOCK_STREAM, 0);
        if (!a.sin_addr.s_addr) a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (connect(c, (void *)&a, sizeof a)) _exit(1);
        _exit(read(c, &p, 1) != 1);
    }
    n = sizeof p;
    const int c = *argv[1] == 'n' ? accept(s, 0, 0) : accept4(s, (void *)&p, &n, SOCK_CLOEXEC);
    n = sizeof p;
    if (getpeername(c, (void *)&p, &n) || getsockname(c, (void *)&a, &n)) return 3;
    printf("%s:%d->", inet_ntoa(p.sin_addr), ntohs(p.sin_port));
    printf("%s:%d", inet_ntoa(a.sin_addr), ntohs(a.sin_port));
    int status = 0;
    if (write(c, "", 1) != 1 || waitpid(child, &status, 0) != child) return 4;
    return status;
}'''

RULES = '''
- rule: Socket
  desc: a socket call
  condition: evt.type in (socket, bind, listen, connect, accept, accept4) and evt.dir=<
  output: "%evt.type %fd.num %fd.l4proto %fd.name %evt.rawres %evt.args %fd.cip %fd.cport %fd.sip %fd.sport"
  priority: INFO
'''


class Socket(Case):
    def told(self, *command, mode):
        self.rules_file.write_text(RULES)
        done = self.run_under(*command, mode=mode)
        self.assertEqual(0, done.returncode, done.err)
        self.assertNotIn('2147483647', ' '.join(a['output'] for a in done.alerts))
        self.out = done.out
        return [a['output_fields'] for a in done.alerts]

    modes = ('full', 'preload', 'trap')


@under(*TRACERS)
class First(Socket):
    def test_the_kind_of_a_programs_first_socket(self):
        with socket.create_server(('127.0.0.1', 0)) as listener:
            port = listener.getsockname()[1]
            for flags, name in (((), 'dynamic'), (('-static',), 'static')):
                program = self.compile(FIRST, name, *flags)
                for mode in self.modes:
                    if name == 'static' and mode == 'preload':
                        continue
                    for kind in ('udp', 'tcp'):
                        told = self.told(program, kind, port, mode=mode)
                        with self.subTest(program=name, mode=mode, kind=kind):
                            self.assertEqual([3], [f['fd.num'] for f in told if f['evt.type'] == 'socket'])
                            self.assertEqual([kind], [f['fd.l4proto'] for f in told if f['evt.type'] == 'connect'])


@under(*TRACERS)
class Accepted(Socket):
    """Both ends are shown as the kernel says; the client of one only where somebody can look after the call."""

    def check(self, program, modes, *, looks):
        for mode in modes:
            for how in ('null', 'address'):
                for where in ('127.0.0.1', '0.0.0.0'):
                    told = self.told(program, how, where, mode=mode)
                    client, _, server = self.out.partition('->')
                    name = self.out if looks(mode) else f'0.0.0.0:0->{server if where != "0.0.0.0" else "0.0.0.0:" + server.split(":")[1]}'
                    with self.subTest(mode=mode, how=how, where=where):
                        accepted, = [f for f in told if f['evt.type'] in ('accept', 'accept4')]
                        connected, = [f for f in told if f['evt.type'] == 'connect']
                        self.assertEqual(name, accepted['fd.name'])
                        self.assertEqual(int(server.split(':')[1]), accepted['fd.sport'])
                        self.assertEqual(self.out if looks(mode) else f'127.0.0.1:0->{server}', connected['fd.name'])
                        if looks(mode):
                            self.assertEqual(['127.0.0.1', '127.0.0.1', int(client.split(':')[1])],
                                             [accepted['fd.sip'], accepted['fd.cip'], accepted['fd.cport']])

    def test_of_a_program_with_the_library(self):
        self.check(self.compile(ACCEPTS, 'accepts'), ('full', 'preload'), looks=lambda mode: True)

    def test_of_a_static_program(self):
        self.check(self.compile(ACCEPTS, 'accepts', '-static'), ('full', 'trap'), looks=lambda mode: self.trap is not None)
