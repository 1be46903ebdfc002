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
