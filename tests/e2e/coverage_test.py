"""What cannot be seen, or only in part, is said; and what a privilege drop must not hide is seen without CAP_SYS_PTRACE."""
import json
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

# Takes the name of the program that it executes.
SAME_NAME = r'''
#include <sys/prctl.h>
#include <unistd.h>
int main(int argc, char **argv) {
    if (argc < 2 || prctl(PR_SET_NAME, "after")) return 1;
    return execv(argv[1], argv + 1), 2;
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

    def test_a_program_that_may_not_be_looked_at(self):
        """What it opens itself is seen, and what it executes afterwards is as usual."""
        program = self.compile(r'''
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void) {
    prctl(PR_SET_DUMPABLE, 0);
    close(open("/etc/shadow", O_RDONLY));
    if (fork() == 0) execl("/bin/cat", "cat", "/etc/shadow", (char *)0);
    wait(0);
    return 0;
}''', 'undumpable')
        done = self.run_under(program, prefix=WITHOUT_PTRACE)
        self.assertEqual((0, ['Test shadow read'] * 2), (done.returncode, done.rules()), done.err)
        self.assertEqual([], [e for e in done.calls('coverage') if 'other_root' in str(e)])

    def test_a_program_that_executes_another_as_another_user(self):
        self.seen_whole(self.compile(DROP, 'drop'))

    def test_a_static_one(self):
        self.seen_whole(self.compile(DROP, 'drop_static', '-static'))

    def test_one_of_musl(self):
        self.seen_whole(self.compile(DROP, 'drop_musl', compiler='musl-gcc'))

    def test_a_program_of_the_same_name(self):
        """Nothing that may be read of the process tells the new program from the old one."""
        successor = 'int main(void) { return 0; }\n'
        for flags in ((), ('-static',), ('-static-pie',)):
            with self.subTest(flags=flags):
                self.compile(successor, 'after', *flags)
                before = self.compile(SAME_NAME, 'before', *flags)
                done = self.run_under(self.compile(DROP, 'drop'), before, self.dir / 'after', prefix=WITHOUT_PTRACE)
                self.assertEqual(0, done.returncode, done.err)
                told = [e['result'] for e in done.calls('execve') if str(e['params']['exe']).endswith('/after')]
                self.assertEqual([0], told, done.calls('execve'))

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



CONFINE = r'''
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
// confine FLAGS NUMBER [PROGRAM…]: a filter that answers EPERM to this call, twice; then becomes the program.
int main(int argc, char** argv) {
    struct sock_filter f[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
                              BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, atoi(argv[2]), 0, 1),
                              BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
    struct sock_fprog p = {4, f};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, atoi(argv[1]), &p);
    syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, atoi(argv[1]), &p);
    return argc > 3 ? execvp(argv[3], argv + 3) : 0;
}
'''
UNSHARE = r'''
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>
int main(void) {
    for (int i = 0; i < 20; i++) close(open("/etc/hostname", O_RDONLY));
    return unshare(CLONE_NEWUTS) != -1 || unshare(CLONE_NEWUTS) != -1;
}
'''
WAIT = r'''
#include <stdio.h>
#include <unistd.h>
int main(void) { char c; puts("waiting"); fflush(stdout); return read(0, &c, 1) != 0; }
'''
COVERAGE_RULE = '''
- rule: Test coverage
  desc: d
  condition: evt.type = coverage and evt.arg.level in (nothing, part)
  output: "%evt.arg.reason %evt.arg.level %proc.name"
  priority: WARNING
'''


class Said(Case):
    """Whatever is not seen is said: once for each process and reason."""

    def setUp(self):
        super().setUp()
        self.need_root()

    def said(self, done, reason):
        """The one coverage event with this reason: its level."""
        of_it = [e for e in done.events if e.get('type') == 'coverage' and e['args']['reason'] == reason]
        self.assertEqual(1, len(of_it), (of_it, done.err))
        self.assertEqual('coverage', of_it[0]['kind'])
        self.assertTrue(of_it[0]['args']['text'])
        return of_it[0]['args']['level']

    def reasons(self, done):
        return {e['args']['reason'] for e in done.calls('coverage')}

    def test_nothing_is_said_of_ordinary_programs(self):
        done = self.run_under('sh', '-c', 'cat /etc/hostname; env -i /bin/ls / >/dev/null')
        self.assertEqual(set(), self.reasons(done))

    def test_a_filter_of_its_own(self):
        done = self.run_under(self.compile(CONFINE, 'confine'), '0', '39')
        self.assertEqual('part', self.said(done, 'own_filter'))

    def test_a_listener_of_its_own(self):
        done = self.run_under(self.compile(CONFINE, 'confine'), '8', '39')
        self.assertEqual('calls', self.said(done, 'own_listener'))

    def test_memory_that_is_closed_to_us(self):
        if not shutil.which('setpriv'):
            self.skipTest('setpriv is not installed')
        program = self.compile(DROP, 'drop_static', '-static')
        self.rules_file.write_text(COVERAGE_RULE)
        done = self.run_under(program, 'stay', prefix=WITHOUT_PTRACE)
        self.assertEqual('part', self.said(done, 'unreadable'))
        self.assertEqual(['Test coverage'], done.rules())
        self.assertIn('unreadable part drop_static', done.alerts[0]['output'])

    def test_a_set_user_id_program(self):
        program = self.compile('int main(void) { return 0; }', 'secure')
        os.chown(program, NOBODY, NOBODY)
        program.chmod(0o4755)
        self.assertEqual('calls', self.said(self.run_under(program), 'secure_exec'))

    def test_an_i386_program(self):
        source, program = self.dir / 'i386.c', self.dir / 'i386'
        source.write_text('int main(void) { return 0; }')
        if subprocess.run(['gcc', '-m32', '-o', program, source], capture_output=True).returncode or subprocess.run([program]).returncode:
            self.skipTest('no i386 programs here')
        self.assertEqual('calls', self.said(self.run_under(program), 'foreign_abi'))

    def test_another_root(self):
        program = self.compile('#include <unistd.h>\nint main(void) { return access("/", 0); }', 'rooted', '-static')
        root = self.dir / 'root'
        root.mkdir()
        shutil.copy(program, root / 'rooted')
        done = self.run_under('python3', '-c', f'import os; os.chroot("{root}"); os.chdir("/"); open("/rooted"); os.execv("/rooted", ["rooted"])')
        self.assertEqual(0, done.returncode, done.err)
        self.assertEqual('calls', self.said(done, 'other_root'))

    def test_a_filter_outside_of_ours(self):
        outer, program = self.compile(CONFINE, 'confine'), self.compile(UNSHARE, 'unshare')
        done = self.run_under(program, prefix=[str(outer), '0', '272'])
        self.assertEqual(0, done.returncode, done.err)
        self.assertEqual('part', self.said(done, 'masked'))

    def test_preload_mode(self):
        done = self.run_under('cat', '/etc/hostname', mode='preload')
        self.assertEqual('part', self.said(done, 'preload_mode'))

    def test_a_static_program_in_preload_mode(self):
        program = self.compile('int main(void) { return 0; }', 'fixed', '-static')
        done = self.run_under('sh', '-c', f'(exec {program}); true', mode='preload')
        self.assertEqual('nothing', self.said(done, 'static_program'))
        self.assertEqual(['Undercoat internal: coverage'], [a['rule'] for a in done.alerts])

    def test_a_process_that_nobody_told_of(self):
        """Found by looking around: a program that is not loaded by us in preload mode, executed past libc."""
        program = self.compile(WAIT, 'fixed', '-static')
        start = f'import ctypes; ctypes.CDLL(None).syscall(59, b"{program}", (ctypes.c_char_p * 2)(b"fixed"), (ctypes.c_char_p * 1)())'
        running = self.start_under('python3', '-c', start, mode='preload', stdin=subprocess.PIPE)
        self.assertEqual(b'waiting\n', running.process.stdout.readline())
        wait_for(lambda: [e for e in running.events() if e.get('type') == 'coverage' and e['args']['reason'] == 'static_program'],
                 'it is found')
        running.process.communicate(b'')


class Doctor(Case):
    """undercoat doctor --pid"""

    def examine(self, *command, mode='full', reader='wait'):
        running = self.start_under(*command, mode=mode, stdin=subprocess.PIPE)
        self.assertEqual(b'waiting\n', running.process.stdout.readline())
        pid = wait_for(lambda: next((p for p in os.listdir('/proc') if p.isdigit() and self.runs(p, command[-1])), None), 'the process')
        r = subprocess.run([BUNDLE / 'bin/undercoat', 'doctor', '--pid', pid, '--json'], capture_output=True, text=True)
        text = subprocess.run([BUNDLE / 'bin/undercoat', 'doctor', '--pid', pid], capture_output=True, text=True).stdout
        running.process.communicate(b'')
        return r.returncode, json.loads(r.stdout), text

    @staticmethod
    def runs(pid, program):
        try:
            return os.readlink(f'/proc/{pid}/exe') == str(program)
        except OSError:
            return False

    def setUp(self):
        super().setUp()
        self.need_root()

    def test_a_process_that_is_wholly_seen(self):
        status, report, text = self.examine(self.compile(WAIT, 'wait'))
        self.assertEqual((0, 'trap and library', True, []), (status, report['by'], report['whole'], report['reasons']), text)
        self.assertIn('Every call of it is seen.', text)

    def test_a_static_process(self):
        status, report, text = self.examine(self.compile(WAIT, 'wait_static', '-static'))
        self.assertEqual((0, 'trap', ['static_program']), (status, report['by'], [r['reason'] for r in report['reasons']]), text)

    def test_a_static_process_in_preload_mode(self):
        status, report, text = self.examine('/bin/sh', '-c', 'exec "$0"', self.compile(WAIT, 'wait_static', '-static'), mode='preload')
        self.assertEqual((1, 'nothing', ['static_program']), (status, report['by'], [r['reason'] for r in report['reasons']]), text)
        self.assertIn('-> use mode full or trap', text)

    def test_no_such_process(self):
        r = subprocess.run([BUNDLE / 'bin/undercoat', 'doctor', '--pid', '4194305'], capture_output=True, text=True)
        self.assertEqual((2, ''), (r.returncode, r.stdout))


if __name__ == '__main__':
    unittest.main()
