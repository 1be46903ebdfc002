"""Programs of every kind alert: dynamic, static, Go, musl, i386, inside a chroot of another libc and of nothing."""
import errno
import json
import os
import shutil
import socket
import signal
import subprocess
import unittest

from harness import BUNDLE, MODES, TRACERS, Case, lines_of_json, supervisor_of, under, wait_for

READ_SHADOW = r'''
#include <fcntl.h>
#include <unistd.h>
int main(void) { int fd = open("/etc/shadow", O_RDONLY); char c; return fd < 0 || read(fd, &c, 1) != 1; }
'''
RAW_SHADOW = r'''
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) { return syscall(SYS_openat, AT_FDCWD, "/etc/shadow", O_RDONLY) < 0; }
'''
GO_SHADOW = 'package main\nimport "os"\nfunc main() { if _, e := os.ReadFile("/etc/shadow"); e != nil { os.Exit(1) } }\n'


@under(*TRACERS)
class Kinds(Case):
    def setUp(self):
        super().setUp()
        self.need_root()

    def alerts_once(self, *command, mode='full'):
        done = self.run_under(*command, mode=mode)
        self.assertEqual(0, done.returncode, done.err)
        self.assertEqual(['Test shadow read'], done.rules(), done.err)
        return done

    def test_dynamic(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                self.alerts_once('cat', '/etc/shadow', mode=mode)

    def test_static(self):
        program = self.compile(READ_SHADOW, 'static', '-static')
        for mode in ('full', 'trap'):
            with self.subTest(mode=mode):
                self.alerts_once(program, mode=mode)

    def test_raw_system_call(self):
        self.alerts_once(self.compile(RAW_SHADOW, 'raw'))

    def test_i386(self):
        program = self.dir / 'i386'
        (self.dir / 'i386.c').write_text(READ_SHADOW)
        r = subprocess.run(['gcc', '-m32', '-o', program, self.dir / 'i386.c'], capture_output=True, text=True)
        if r.returncode:
            self.skipTest('gcc -m32 does not work here (gcc-multilib)')
        if subprocess.run([program]).returncode:
            self.skipTest('the kernel runs no i386 programs')
        self.alerts_once(program)

    def test_musl(self):
        for kind, flags in (('dynamic', []), ('static', ['-static'])):
            with self.subTest(kind=kind):
                self.alerts_once(self.compile(READ_SHADOW, f'musl_{kind}', *flags, compiler='musl-gcc'))

    def test_go(self):
        if not shutil.which('go'):
            self.skipTest('go is not installed')
        (self.dir / 'main.go').write_text(GO_SHADOW)
        env = {**os.environ, 'CGO_ENABLED': '0', 'GO111MODULE': 'off', 'HOME': str(self.dir)}
        subprocess.run(['go', 'build', '-o', self.dir / 'gobin', self.dir / 'main.go'], check=True, env=env, capture_output=True)
        self.alerts_once(self.dir / 'gobin')

    def test_busybox(self):
        if not shutil.which('busybox'):
            self.skipTest('busybox is not installed')
        self.alerts_once('busybox', 'cat', '/etc/shadow')

    def test_cleared_environment(self):
        self.alerts_once('env', '-i', '/bin/cat', '/etc/shadow')

    def test_children_of_children(self):
        done = self.run_under('sh', '-c', 'sh -c "sh -c \'cat /etc/shadow\'" >/dev/null; true')
        self.assertEqual(['Test shadow read'], done.rules())

    def test_a_program_that_drops_to_another_user(self):
        done = self.run_under('python3', '-c', 'import os\nf=open("/etc/shadow")\nos.setuid(65534)\n'
                              'try: open("/etc/shadow")\nexcept PermissionError: pass')
        self.assertEqual(0, done.returncode, done.err)
        opens = [e for e in done.calls('openat', 'open') if e['args'].get('name') == '/etc/shadow']
        self.assertEqual(2, len(opens))


# Forks as often as the first argument says, each waiting for its child; with `sessions`, each in a session of its own. The last one
# executes true. Nothing else is called for.
DESCENT = r'''
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char** argv) {
    for (int left = atoi(argv[1]); left; --left) {
        if (fork()) return wait(NULL) < 0;
        if (!strcmp(argv[2], "sessions")) setsid();
    }
    return execl("/bin/true", "true", (char*)NULL);
}
'''
DESCENT_RULES = '- {rule: Descent, desc: d, condition: evt.type = execve and proc.name = true, output: "%s", priority: INFO}' % ' '.join(
    f'%proc.aname[{n}]' for n in range(1, 6))


@under(*TRACERS)
class Descent(Case):
    """Processes that call for nothing but to fork are ancestors, too."""

    def check(self, program):
        self.rules_file.write_text(DESCENT_RULES)
        for mode in ('full', 'trap'):
            for depth in (1, 2, 3):
                for sessions in ('same', 'sessions'):
                    with self.subTest(mode=mode, depth=depth, sessions=sessions):
                        done = self.run_under('sh', '-c', f'"{program}" {depth} {sessions}; :', mode=mode)
                        self.assertEqual(0, done.returncode, done.err)
                        names = [[a['output_fields'][f'proc.aname[{n}]'] for n in range(1, depth + 2)] for a in done.alerts]
                        self.assertEqual([['descent'] * depth + ['sh']], names, done.err)

    def test_dynamic(self):
        self.check(self.compile(DESCENT, 'descent'))

    def test_static(self):
        self.check(self.compile(DESCENT, 'descent', '-static'))

    # Its child is a zombie when the supervisor, which takes longer to begin, looks at /proc.
    ENDED = r'''
#include <fcntl.h>
#include <unistd.h>
int main(int argc, char** argv) {
    char c;
    if (chdir("/etc")) return 1;
    if (!fork()) {
        if (argc > 1) execlp("cat", "cat", "shadow", (char*)NULL);
        _exit(open("shadow", O_RDONLY) < 0);
    }
    return read(0, &c, 1) != 0;
}
'''

    def test_a_child_that_has_ended_before_the_supervisor_looks_was_where_its_parent_was(self):
        self.need_root()
        program = self.compile(self.ENDED, 'ended')
        for way in ([], ['execute']):
            with self.subTest(way=way):
                alerts = ['--alerts', self.dir / f'alerts{len(way)}']
                running = self.start_under(program, *way, options=alerts, env={'UNDERCOAT_PRIORITY': 'availability'}, stdin=subprocess.PIPE)
                wait_for(lambda: [e for e in running.events() if e.get('type') == 'openat' and e['args'].get('name', '').endswith('shadow')], 'the open')
                running.process.stdin.close()
                running.process.wait(20)
                self.assertEqual(['Test shadow read'], [a['rule'] for a in lines_of_json(alerts[1])])
                started = [e['params']['cwd'] for e in running.events() if e.get('type') == 'execve' and e['params']['exe'] == str(program)]
                self.assertEqual([os.getcwd()], started)
                for file in self.dir.glob('events*'):
                    file.unlink()


# Prints its ids and capabilities: "pid name value…" a line.
RIGHTS = r'''
#include <stdio.h>
#include <string.h>
#include <unistd.h>
int main(void) {
    char line[512];
    FILE* f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "Uid:", 4) || !strncmp(line, "Gid:", 4) || !strncmp(line, "Cap", 3)) printf("%d %s", getpid(), line);
    return 0;
}
'''

# Each line executes it twice, so that rights are carried over where they may be.
WAYS = r'''
"$0"; "$0"
setpriv --bounding-set -chown,-kill sh -c '"$0"; "$0"; exec "$0"' "$0"
setpriv --inh-caps +chown sh -c '"$0"; exec "$0"' "$0"
setpriv --reuid 65534 --regid 65534 --clear-groups sh -c '"$0"; exec "$0"' "$0"
setpriv --reuid 65534 --clear-groups --inh-caps +chown --ambient-caps +chown sh -c '"$0"; exec "$0"' "$0"
setpriv --securebits +noroot sh -c '"$0"; exec "$0"' "$0"
cp "$0" "$0.suid"; chown 65534 "$0.suid"; chmod 4755 "$0.suid"; "$0.suid"; "$0.suid"
cp "$0" "$0.caps"; setcap cap_kill+ep "$0.caps"; "$0.caps"
setpriv --reuid 65534 --clear-groups sh -c '"$0"; "$0.caps"; "$0"; "$0.caps"' "$0"
python3 -c 'import os, sys; os.setresuid(1, 2, 0); os.execv(sys.argv[1], sys.argv[1:])' "$0"
'''


class Rights(Case):
    """The rights that an execution is said to have are those that the program finds."""

    def test_of_executions(self):
        self.need_root()
        program = self.compile(RIGHTS, 'rights')
        self.dir.chmod(0o755)
        done = self.run_under('sh', '-c', WAYS, program)
        self.assertEqual(0, done.returncode, done.err)
        found = []
        for line in done.out.splitlines():
            pid, label, *values = line.split()
            if label == 'Uid:':
                found.append({'pid': int(pid), 'uid': int(values[1])})
            elif label == 'Gid:':
                found[-1]['gid'] = int(values[1])
            elif label in ('CapInh:', 'CapPrm:', 'CapEff:'):
                name = {'Inh': 'inheritable', 'Prm': 'permitted', 'Eff': 'effective'}[label[3:6]]
                found[-1]['cap_' + name] = int(values[0], 16)
        self.assertGreater(len(found), 18)
        told = [e for e in done.calls('execve') if e['result'] == 0 and '/rights' in e['params']['filename']]
        names = ('uid', 'gid', 'cap_inheritable', 'cap_permitted', 'cap_effective')
        self.assertEqual([{n: f[n] for n in ('pid',) + names} for f in found],
                         [{'pid': e['pid'], **{n: e['params'][n] for n in names}} for e in told])


class Connections(Case):
    CONNECT = r'''
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
int main(int argc, char **argv) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(atoi(argv[1]))};
    return connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&a, sizeof a) ? errno : 0;
}'''

    def test_a_programs_only_one_is_told_with_its_result(self):
        program = self.compile(self.CONNECT, 'connects')
        with socket.socket() as s:
            s.bind(('127.0.0.1', 0))
            port = s.getsockname()[1]
            for expected in (errno.ECONNREFUSED, 0):
                for mode in ('full', 'preload'):
                    done = self.run_under(program, port, mode=mode)
                    self.assertEqual((expected, [-expected]), (done.returncode, [e['result'] for e in done.calls('connect')]), mode)
                s.listen()


class Directories(Case):
    """The first program's relative names begin where it was started."""

    def test_of_the_first_program(self):
        for mode in ('full', 'preload'):
            for _ in range(5):
                done = self.run_under('bash', '-c', 'cat passwd; cd /', mode=mode, cwd='/etc')
                self.assertEqual(0, done.returncode, done.err)
                self.assertEqual({'/etc'}, {e['params']['cwd'] for e in done.calls('execve') if e['result'] == 0}, mode)
                self.assertIn('/etc/passwd', [e.get('fd.name') for e in done.calls('openat')], mode)

    def test_of_one_that_has_ended_when_it_is_heard_of(self):
        for _ in range(10):
            done = self.run_under('cat', 'hostname', mode='preload', cwd='/etc')
            self.assertIn('/etc/hostname', [e.get('fd.name') for e in done.calls('openat')], done.err)


# Each in a process of its own, as what the library has learned of memory helps it later.
FIRST_CALLS = r'''
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#define ONE(call) if (!fork()) { call; _exit(0); } else wait(0)
int main(int argc, char** argv) {
    if (!strcmp(argv[1], "two paths")) {
        ONE(symlink("/to/symlink", "/nonexistent/symlink"));
        ONE(symlinkat("/to/symlinkat", AT_FDCWD, "/nonexistent/symlinkat"));
        ONE(link("/to/link", "/nonexistent/link"));
        ONE(linkat(AT_FDCWD, "/to/linkat", AT_FDCWD, "/nonexistent/linkat", 0));
        ONE(rename("/to/rename", "/nonexistent/rename"));
        ONE(renameat2(AT_FDCWD, "/to/renameat2", AT_FDCWD, "/nonexistent/renameat2", RENAME_NOREPLACE));
    } else if (!strcmp(argv[1], "stream")) {
        FILE* f = fopen("/etc/hostname", "r");
        return !f || fclose(f);
    } else if (!strcmp(argv[1], "duplicate")) {
        int d = open("/etc", O_RDONLY), e = fcntl(d, F_DUPFD, 100), f = fcntl(d, F_DUPFD_CLOEXEC, 100);
        return openat(e, "hostname", O_RDONLY) < 0 || openat(f, "passwd", O_RDONLY) < 0;
    } else if (!strcmp(argv[1], "sealed")) {
        struct sock_filter f[] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, 0}, {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_socket},
                                  {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL_PROCESS}, {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW}};
        struct sock_fprog program = {4, f};
        int status = 1;
        if (!vfork()) {
            prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) _exit(1);
            _exit(open("/etc/hostname", O_RDONLY) < 0);
        }
        return wait(&status) < 0 || status;
    } else if (!strcmp(argv[1], "vfork")) {
        pid_t pid = vfork();
        if (!pid) { open("/etc/hostname", O_RDONLY); execl("/bin/true", "true", (char*)0); _exit(1); }
        waitpid(pid, 0, 0);
        open("/etc/passwd", O_RDONLY);
    } else {
        prctl(PR_SET_NAME, "renamed");
        ONE(open("/etc/hostname", O_RDONLY));
    }
    return 0;
}
'''


class LibraryAlone(Case):
    """What no trap tells: by the library's own records."""

    def watched(self, how):
        done = self.run_under(self.compile(FIRST_CALLS, 'first_calls'), how, mode='preload')
        self.assertEqual(0, done.returncode, done.err)
        return done

    def test_both_paths_of_calls_that_fail(self):
        done = self.watched('two paths')
        for name in ('symlink', 'symlinkat', 'link', 'linkat', 'rename', 'renameat2'):
            paths = [[v for v in e['params'].values() if isinstance(v, str)] for e in done.calls(name)]
            self.assertEqual([[f'/to/{name}', f'/nonexistent/{name}']], paths, name)

    def test_the_first_stream(self):
        self.assertIn('/etc/hostname', [e.get('fd.name') for e in self.watched('stream').calls('openat')])

    def test_below_duplicates_of_a_directory(self):
        names = [e.get('fd.name') for e in self.watched('duplicate').calls('openat')]
        self.assertIn('/etc/hostname', names)
        self.assertIn('/etc/passwd', names)

    def test_a_child_of_vfork(self):
        done = self.watched('vfork')
        pid, = [e['pid'] for e in done.calls('openat') if e.get('fd.name') == '/etc/hostname']
        self.assertIn(pid, [e['pid'] for e in done.calls('execve') if e['params']['exe'] == 'true'])
        self.assertNotIn(pid, [e['pid'] for e in done.calls('openat') if e.get('fd.name') == '/etc/passwd'])

    def test_a_child_of_vfork_that_confines_itself(self):
        self.watched('sealed')

    def test_a_child_bears_its_parents_new_name(self):
        events = self.watched('name').calls('openat')
        self.assertEqual(['renamed'], [e['proc.name'] for e in events if e.get('fd.name') == '/etc/hostname'])


@under(*TRACERS)
class Names(Case):
    """A file is called what the program called it, whatever has become of the name by the time we look."""

    def opened(self, script, *names):
        done = self.run_under('python3', '-ISc', 'import os\n' + script, cwd=self.dir)
        self.assertEqual(0, done.returncode, done.err)
        return [e['fd.name'].removeprefix(f'{self.dir}/') for e in done.calls('openat') if e.get('fd.name', '').endswith(names)]

    def test_below_a_directory_that_was_renamed(self):
        found = self.opened('os.makedirs("a/in")\nd = os.open("a", os.O_RDONLY)\nos.rename("a", "b")\n'
                            'f = os.open("in/file", os.O_CREAT | os.O_WRONLY, dir_fd=d)\nos.unlink("b/in/file")\nos.rmdir("b/in")\nos.rmdir("b")\n'
                            'try: os.open("gone", os.O_RDONLY, dir_fd=d)\nexcept OSError: pass', 'file', 'gone')
        self.assertEqual(['a/in/file', 'a/gone'], found)

    def test_below_a_symbolic_link_that_is_gone(self):
        found = self.opened('os.mkdir("real")\nos.symlink("real", "link")\nd = os.open("link", os.O_RDONLY)\n'
                            'os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=d))\nos.unlink("file", dir_fd=d)\n'
                            'os.unlink("link")\nos.rmdir("real")', 'file')
        self.assertEqual(['link/file'], found)

    def test_below_a_working_directory_that_was_renamed_or_removed(self):
        found = self.opened('os.makedirs("a/in")\nos.chdir("a")\nos.rename("../a", "../b")\nopen("in/file", "w").close()\n'
                            'os.mkdir("../gone")\nos.chdir("../gone")\nos.rmdir("../gone")\n'
                            'try: open("../b/in/file").close()\nexcept OSError: pass', 'file')
        self.assertEqual(['a/in/file', 'b/in/file'], found)


@under(*TRACERS)
class Layers(Case):
    """Of an overlay that the workload mounts, a program is of the upper layer once it was changed there, and only then.

    Changes are stamped by a clock that ticks: the script goes on when it has ticked since the mount."""

    SCRIPT = r'''mount -t tmpfs t "$0" && cd "$0" && mkdir low up work all && cp /bin/true low/one && cp /bin/true low/two && cp "$(command -v busybox)" low/sh &&
mount -t overlay o -o lowerdir=low,upperdir=up,workdir=work all && touch mounted || exit 9
until touch later && [ "$(find later -newer mounted)" ]; do :; done
all/one; all/two; echo >> all/one; all/one; chmod 700 all/two; all/two; cp all/sh all/new; all/new true; all/sh true; cp /bin/true all/three; all/three'''

    def test_of_programs(self):
        self.need_root()
        done = self.run_under('unshare', '-m', 'sh', '-c', self.SCRIPT, self.dir)
        if done.returncode == 9:
            self.skipTest('no overlay can be mounted: ' + done.err)
        self.assertEqual(0, done.returncode, done.err)
        told = [(os.path.basename(e['params']['exe']), bool(e['params']['flags'] & 2)) for e in done.calls('execve')
                if e['result'] == 0 and e['params']['exe'].startswith('all/')]
        self.assertEqual([('one', False), ('two', False), ('one', True), ('two', True), ('new', True), ('sh', False), ('three', True)], told)


class Executions(Case):
    """Where the new image tells of itself (preload) the events are those that the trap tells, however short it lives."""

    SCRIPT = r'''cd "$0" || exit; ln -s /bin/true linked; printf '#!/bin/sh\nexit 0\n' > script; chmod 755 script
for i in $(seq 40); do /bin/true "$i" two\ words; done
./linked a; ./script b; (/bin/true in a subshell); /bin/true behind & wait; env -i /bin/true cleared; nice /bin/true again
python3 -c 'import os; os.wait4(os.posix_spawn("/bin/true", ["true", "spawned"], {}), 0)'
/nowhere/to/be/found; ./linked; exec /bin/true last'''

    def told(self, mode):
        where = self.dir / mode
        where.mkdir()
        done = self.run_under('bash', '-c', self.SCRIPT, where, mode=mode)
        self.assertEqual(0, done.returncode, done.err)
        found, numbers = [], {}
        events = json.loads(json.dumps([e for e in done.events if e.get('type') in ('execve', 'procexit')]).replace(str(where), 'HERE'))
        for at, e in enumerate(events):
            if e['type'] != 'execve' or e['result'] != 0 or 'instrument' in e['params']['exe']:
                continue
            p = e['params']
            numbers.setdefault(e['pid'], len(numbers))
            self.assertNotIn(('procexit', e['pid']), [(x['type'], x['pid']) for x in events[:at]], e)
            found.append({**{n: p[n] for n in ('exe', 'args', 'comm', 'uid', 'gid', 'flags', 'exe_ino', 'exe_ino_mtime', 'cap_effective', 'cgroups',
                                                'trusted_exepath', 'fdlimit', 'tty', 'loginuid')},
                          'env': [v for v in p['env']['list'] if not v.startswith(('_=', 'PWD=', 'OLDPWD='))] if p['env'] else None,
                          'name': p['filename'], 'cwd': p['cwd'], 'parent': numbers.get(p['ptid'], 'outside')})
        return sorted(found, key=str)

    def test_the_same_as_the_trap_tells(self):
        self.need_root()
        want = self.told('full')
        self.assertGreater(len(want), 45)
        self.assertEqual(want, self.told('preload'))


@under(*TRACERS)
class Counts(Case):
    """The events are those that strace lists."""

    def test_the_same_calls_as_strace(self):
        if not shutil.which('strace'):
            self.skipTest('strace is not installed')
        names = ['openat', 'open', 'execve', 'connect', 'socket', 'mkdir', 'unlink', 'unlinkat', 'rename', 'chmod', 'fchmodat']
        script = ('cd "$0"; mkdir a; echo x > a/b; cat a/b; mv a/b a/c; chmod 600 a/c; ls -l a; rm -r a; '
                  'python3 -c "import socket; s=socket.socket(); s.connect_ex((\'127.0.0.1\', 9))"')
        log = self.dir / 'strace.txt'
        subprocess.run(['strace', '-f', '-qq', '-o', log, '-e', 'trace=' + ','.join(names), 'bash', '-c', script, self.dir],
                       check=True, capture_output=True, env=self.environment())
        want = {n: 0 for n in names}
        for line in log.read_text().splitlines():
            call = line.split(None, 1)[1].split('(')[0]
            if call in want and 'resumed' not in line.split('(')[0]:
                want[call] += 1
        for mode in ('full', 'trap'):
            with self.subTest(mode=mode):
                done = self.run_under('bash', '-c', script, self.dir, mode=mode)
                self.assertEqual(0, done.returncode, done.err)
                got = {n: len(done.calls(n)) for n in names}
                self.assertEqual(want, got)


class Images(Case):
    """Root file systems of other people: musl, and nothing at all."""

    def setUp(self):
        super().setUp()
        self.need_root()
        self.root = self.dir / 'image'
        for d in ('etc', 'bin', 'tmp', 'proc', 'dev', 'opt', 'lib'):
            (self.root / d).mkdir(parents=True)
        shutil.copytree(BUNDLE, self.root / 'opt/undercoat')
        shutil.copy(self.rules_file, self.root / 'etc/rules.yaml')
        (self.root / 'etc/shadow').write_text('root:*:1::::::\n')
        for name in ('null', 'zero', 'urandom'):
            subprocess.run(['cp', '-a', f'/dev/{name}', self.root / 'dev' / name], check=True)

    def in_image(self, *command, mode='full', proc=True):
        inside = ['/opt/undercoat/bin/instrument', '--mode', mode, '--json', '--rules', '/etc/rules.yaml', '--alerts',
                  '/tmp/alerts', '--', *command]
        script = f'{"mount -t proc proc " + str(self.root) + "/proc && " if proc else ""}exec chroot "$@"'
        r = subprocess.run(['unshare', '--mount', '--pid', '--fork', '--kill-child', 'sh', '-c', script, 'sh', self.root, *inside],
                           capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL,
                           env={'PATH': '/bin:/usr/bin:/sbin:/usr/sbin', 'UNDERCOAT_PRIORITY': 'security'})
        alerts = self.root / 'tmp/alerts'
        return r, alerts.read_text() if alerts.exists() else ''

    def test_a_musl_image(self):
        if not shutil.which('musl-gcc') or not os.path.exists('/bin/busybox'):
            self.skipTest('musl-tools or busybox-static is not installed')
        loader = '/lib/ld-musl-x86_64.so.1'
        shutil.copy(os.path.realpath(loader), self.root / 'lib/ld-musl-x86_64.so.1')
        shutil.copy('/bin/busybox', self.root / 'bin/sh')
        shutil.copy(self.compile(READ_SHADOW, 'reader', compiler='musl-gcc'), self.root / 'bin/reader')
        for mode in MODES:
            with self.subTest(mode=mode):
                r, alerts = self.in_image('/bin/sh', '-c', '/bin/reader; exit 4', mode=mode)
                self.assertEqual(4, r.returncode, r.stderr)
                self.assertEqual(1, alerts.count('Test shadow read'), r.stderr + alerts)
                self.assertEqual('', r.stdout)
            (self.root / 'tmp/alerts').unlink(missing_ok=True)

    def test_an_empty_image(self):
        shutil.copy(self.compile(READ_SHADOW, 'reader', '-static'), self.root / 'bin/reader')
        r, alerts = self.in_image('/bin/reader')
        self.assertEqual(0, r.returncode, r.stderr)
        self.assertEqual(1, alerts.count('Test shadow read'), r.stderr)

    def test_an_image_without_proc(self):
        shutil.copy(self.compile(READ_SHADOW, 'reader', '-static'), self.root / 'bin/reader')
        r, _ = self.in_image('/bin/reader', proc=False)
        self.assertEqual(0, r.returncode, r.stderr)

    def test_a_user_without_rights(self):
        scratch = self.dir / 'open'
        scratch.mkdir()
        scratch.chmod(0o777)
        command = self.command('sh', '-c', 'cat /etc/shadow; exit 6', options=['--alerts', scratch / 'alerts'])
        command[command.index('--events') + 1] = str(scratch / 'events')
        bundle = self.root / 'opt/undercoat'
        command[0] = str(bundle / 'bin/instrument')
        for d in (self.dir, self.root, bundle):
            d.chmod(0o755)
        r = subprocess.run(['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs', *command],
                           capture_output=True, text=True, timeout=60, env=self.environment())
        self.assertEqual(6, r.returncode, r.stderr)
        self.assertIn('/etc/shadow', (scratch / 'events').read_text())


class Reload(Case):
    """New rules take effect while the workload runs; bad ones leave the old in force."""

    LOOP = 'while :; do cat /etc/shadow > /dev/null 2>&1; sleep 0.05; done'
    OTHER = '- rule: Test other\n  desc: d\n  condition: evt.type in (open, openat) and fd.name=/etc/shadow\n  output: o\n  priority: INFO\n'

    def setUp(self):
        super().setUp()
        self.need_root()
        with open(self.dir / 'err', 'w') as err:
            self.run_ = self.start_under('sh', '-c', self.LOOP, stderr=err)
        wait_for(lambda: self.saw('Test shadow read'), 'the first rules speak')

    def saw(self, rule, after=0):
        return any(a['rule'] == rule for a in self.run_.alerts()[after:])

    def test_a_changed_file(self):
        self.rules_file.write_text(self.OTHER)
        wait_for(lambda: self.saw('Test other'), 'the new rules speak')

    def test_a_replaced_file(self):
        (self.dir / 'new').write_text(self.OTHER)
        os.replace(self.dir / 'new', self.rules_file)
        wait_for(lambda: self.saw('Test other'), 'the new rules speak')

    def test_hangup(self):
        pid = wait_for(lambda: supervisor_of(self.run_.process.pid), 'a supervisor runs')
        before = self.rules_file.stat()
        self.rules_file.write_text(self.OTHER)
        os.utime(self.rules_file, ns=(before.st_atime_ns, before.st_mtime_ns))
        os.kill(pid, signal.SIGHUP)
        wait_for(lambda: self.saw('Test other'), 'the new rules speak')

    def test_bad_rules_leave_the_old_in_force(self):
        self.rules_file.write_text('- rule: [')
        wait_for(lambda: 'rules.yaml' in (self.dir / 'err').read_text(), 'the bad file is named')
        n = len(self.run_.alerts())
        wait_for(lambda: self.saw('Test shadow read', after=n), 'the old rules go on')


if __name__ == '__main__':
    unittest.main()
