"""What cannot be seen, or only in part, is said; and what a privilege drop must not hide is seen without CAP_SYS_PTRACE."""
import os
import shutil
import subprocess
import unittest

from harness import BUNDLE, Case, wait_for

NOBODY = 65534
WITHOUT_PTRACE = ['setpriv', '--bounding-set', '-sys_ptrace']

# As gosu and su-exec do it: changes its user and executes its arguments. "stay": reads the file itself, by libc and past it.
DROP = r'''
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int argc, char** argv) {
    gid_t none[1] = {65534};
    if (argc < 2 || setgroups(1, none) || setgid(65534) || setuid(65534)) return 1;
    if (strcmp(argv[1], "stay")) return execvp(argv[1], argv + 1), 2;
    open("/etc/shadow", O_RDONLY);
    syscall(SYS_openat, AT_FDCWD, "/etc/gshadow", O_RDONLY);
    return 0;
}
'''

NGINX = '''
daemon off; master_process on; worker_processes 1; user nobody nogroup; pid {dir}/pid; error_log {dir}/error.log;
events {{ }}
http {{ access_log off; server {{ listen 127.0.0.1:{port}; root {dir}/www; }} }}
'''


class Dropped(Case):
    """After a privilege drop, without CAP_SYS_PTRACE, as containers usually are."""

    def setUp(self):
        super().setUp()
        self.need_root()
        if not shutil.which('setpriv'):
            self.skipTest('setpriv is not installed')

    def executions(self, done):
        return [e for e in done.calls('execve') if e['result'] == 0]

    def seen_whole(self, program):
        done = self.run_under(program, 'sh', '-c', 'cat /etc/shadow', prefix=WITHOUT_PTRACE)
        self.assertEqual(['Test shadow read'], done.rules(), done.err)
        last = self.executions(done)[-1]
        self.assertEqual('cat', last['proc.name'])
        self.assertIn('/etc/shadow', str(last['args']['args']))
        self.assertEqual([], [e for e in done.events if e.get('tid') == last['tid'] and 'unreadable' in e.get('flags', [])])

    def test_a_program_that_executes_another_as_another_user(self):
        self.seen_whole(self.compile(DROP, 'drop'))

    def test_a_static_one(self):
        self.seen_whole(self.compile(DROP, 'drop_static', '-static'))

    def test_one_of_musl(self):
        self.seen_whole(self.compile(DROP, 'drop_musl', compiler='musl-gcc'))

    def test_in_trap_mode(self):
        done = self.run_under(self.compile(DROP, 'drop'), 'cat', '/etc/shadow', prefix=WITHOUT_PTRACE, mode='trap')
        self.assertEqual(['Test shadow read'], done.rules(), done.err)

    def test_results_are_those_of_the_user(self):
        done = self.run_under(self.compile(DROP, 'drop'), 'cat', '/etc/shadow', prefix=WITHOUT_PTRACE)
        opens = [e for e in done.calls('open', 'openat') if e['args'].get('name') == '/etc/shadow']
        self.assertEqual([-13], [e['result'] for e in opens], opens)

    def test_a_program_that_stays(self):
        done = self.run_under(self.compile(DROP, 'drop'), 'stay', prefix=WITHOUT_PTRACE)
        self.assertEqual(['Test shadow read'], done.rules(), done.err)

    def test_an_nginx_worker(self):
        if not shutil.which('nginx'):
            self.skipTest('nginx is not installed')
        port = 20000 + os.getpid() % 20000
        (self.dir / 'www').mkdir()
        (self.dir / 'www/page').write_text('content')
        (self.dir / 'nginx.conf').write_text(NGINX.format(dir=self.dir, port=port))
        rule = self.dir / 'page.yaml'
        rule.write_text('- rule: Test page\n  desc: d\n  condition: evt.type in (open, openat) and fd.name endswith /www/page\n'
                        '  output: o %proc.name\n  priority: INFO\n')
        command = self.command('nginx', '-c', self.dir / 'nginx.conf', '-p', self.dir, rules=[rule])
        server = subprocess.Popen([*WITHOUT_PTRACE, *command], env=self.environment(), start_new_session=True,
                                  stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        self.addCleanup(self._end, server)
        def fetched():
            return subprocess.run(['curl', '-s', f'http://127.0.0.1:{port}/page'], capture_output=True, text=True).stdout == 'content'
        wait_for(fetched, 'the page is served')
        alerts = self.dir / 'alerts.jsonl'
        wait_for(lambda: alerts.exists() and 'Test page' in alerts.read_text(), 'the worker is seen')


if __name__ == '__main__':
    unittest.main()
