"""The supervisor dies, a trap thread dies or stalls: the workload gets no error, no event is lost, none appears twice."""
import collections
import contextlib
import fcntl
import json
import os
import pathlib
import signal
import subprocess
import unittest

from harness import Case, supervisor_of, under, wait_for

PROCESSES, OPENS = 8, 12500

# Each process opens its own files, each path once, and says what failed. Built against libc, so that the shim sees it; the raw
# variant makes the system call itself, so that the trap sees it.
OPENER = r'''
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef RAW
#define OPEN(p) (int)syscall(SYS_openat, AT_FDCWD, p, O_RDONLY)
#else
#define OPEN(p) open(p, O_RDONLY)
#endif
int main(int argc, char** argv) {
    int processes = atoi(argv[1]), opens = atoi(argv[2]), failed = 0, status;
    for (int p = 0; p < processes; ++p)
        if (fork() == 0) {
            for (int i = 0; i < opens; ++i) {
                char path[64];
                snprintf(path, sizeof path, "/nonexistent/uc-%d-%d", p, i);
                if (OPEN(path) >= 0 || errno != ENOENT) { printf("%s: %s\n", path, strerror(errno)); fflush(stdout); _exit(1); }
            }
            _exit(0);
        }
    while (wait(&status) > 0) failed += status != 0;
    return failed;
}
'''


# Opens one file again and again, a fifth of the times after each byte of its input; ends after one byte more.
SAME_FILE = r'''
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
int main(int argc, char** argv) {
    int opens = atoi(argv[1]);
    char go;
    if (write(1, "started\n", 8) != 8) return 1;
    for (int i = 0; i < opens; ++i) {
        if (i % (opens / 5) == 0 && read(0, &go, 1) != 1) return 2;
        int fd = open("/etc/shadow", O_RDONLY);
        if (fd < 0) return 3;
        close(fd);
    }
    return read(0, &go, 1) != 1;
}
'''


# Names the file, so that a lost alert cannot hide behind one that came twice.
OPENER_RULE = '''
- rule: Test opener
  desc: one of the opener's files was asked for
  condition: evt.type in (open, openat, openat2) and evt.arg.name startswith /nonexistent/uc-
  output: "asked for (file=%evt.arg.name)"
  priority: WARNING
'''


class Reader:
    """Reads alerts from a pipe of one page, a bit at a time. Holds both ends, so that the pipe outlives each supervisor."""

    def __init__(self, path):
        os.mkfifo(path)
        self.fd = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        fcntl.fcntl(self.fd, fcntl.F_SETPIPE_SZ, 4096)
        self.text = b''

    def read(self, most=1024):
        with contextlib.suppress(BlockingIOError):
            self.text += os.read(self.fd, most)
        return self.text.count(b'\n')

    def alerts(self):
        """Each line must be one whole alert; an empty line stands where a supervisor may have died in a line."""
        return [json.loads(line) for line in self.text.split(b'\n')[:-1] if line]


def fresh_supervisor(run, old):
    pid = supervisor_of(run.process.pid)
    return pid if pid not in old else None


@under('ptrace', only='trap_')
class Faults(Case):
    def opener(self, raw):
        return self.compile(OPENER, 'opener_raw' if raw else 'opener', *(['-DRAW'] if raw else []))

    def check(self, events, processes=PROCESSES, opens=OPENS):
        """Every path exactly once, every event id at most once."""
        seen = collections.Counter(e['args'].get('name') for e in events if e['type'] in ('open', 'openat')
                                   and str(e['args'].get('name', '')).startswith('/nonexistent/uc-'))
        want = {f'/nonexistent/uc-{p}-{i}' for p in range(processes) for i in range(opens)}
        lost = want - set(seen)
        twice = [name for name, n in seen.items() if n != 1]
        self.assertEqual((0, 0), (len(lost), len(twice)), f'lost {sorted(lost)[:5]}, twice {sorted(twice)[:5]}')
        ids = collections.Counter(e['id'] for e in events)
        self.assertEqual([], [i for i, n in ids.items() if n > 1][:5], 'event ids that appear twice')

    def run_with_kills(self, mode, raw, kills):
        # The workload waits for a line, so that the first kill happens while it works and not before.
        run = self.start_under(self.opener(raw), PROCESSES, OPENS, mode=mode)
        killed = []
        for n in range(kills):
            def progressed():
                return run.process.poll() is not None or \
                    os.path.exists(run.events_file) and os.path.getsize(run.events_file) > (n + 1) * 500000
            wait_for(progressed, 'events are written', 60)
            if run.process.poll() is not None:
                break
            pid = wait_for(lambda: run.process.poll() is not None or fresh_supervisor(run, killed), 'a supervisor runs', 20)
            if pid is True:
                break
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
        status = run.process.wait(120)
        out = run.process.stdout.read().decode()
        self.assertEqual((0, ''), (status, out))
        self.assertTrue(killed, 'the supervisor was never killed: the workload was too short')
        return run

    def test_kill_of_the_supervisor_while_the_shim_writes(self):
        self.check(self.run_with_kills('full', raw=False, kills=2).events())

    def test_kill_of_the_supervisor_while_the_trap_writes(self):
        self.check(self.run_with_kills('full', raw=True, kills=2).events())

    def test_kill_of_the_supervisor_once_the_workload_has_ended(self):
        """The rings are full and the supervisor, stopped until then, is killed: another one empties them."""
        opens = 400
        run = self.start_under('sh', '-c', 'echo started; read go; "$0" 8 400; echo ended', self.opener(raw=False),
                               stdin=subprocess.PIPE)
        self.assertEqual(b'started\n', run.process.stdout.readline())
        pid = wait_for(lambda: supervisor_of(run.process.pid), 'a supervisor runs')
        os.kill(pid, signal.SIGSTOP)
        run.process.stdin.write(b'\n')
        run.process.stdin.close()
        self.assertEqual(b'ended\n', run.process.stdout.readline())
        os.kill(pid, signal.SIGKILL)
        second = wait_for(lambda: run.process.poll() is not None or fresh_supervisor(run, [pid]), 'it is started again', 20)
        if second is not True:
            os.kill(second, signal.SIGKILL)
        self.assertEqual(0, run.process.wait(60))
        self.check(run.events(), opens=opens)

    def test_kill_of_the_supervisor_in_preload_mode(self):
        """Without the trap there is no back-pressure: full rings drop, and count. Nothing appears twice all the same."""
        events = self.run_with_kills('preload', raw=False, kills=1).events()
        ids = collections.Counter(e['id'] for e in events)
        self.assertEqual([], [i for i, n in ids.items() if n > 1][:5])
        paths = collections.Counter(e['args'].get('name') for e in events if e['type'] in ('open', 'openat'))
        self.assertEqual([], [p for p, n in paths.items() if n > 1 and str(p).startswith('/nonexistent/uc-')][:5])

    def test_equal_alerts_over_kills_of_the_supervisor(self):
        """Alerts that differ in nothing but their time: each is written at least once, and hardly any twice."""
        opens = 1500
        program = self.compile(SAME_FILE, 'same_file')
        run = self.start_under(program, opens, stdin=subprocess.PIPE)
        self.assertEqual(b'started\n', run.process.stdout.readline())
        killed = []
        for part in range(5):
            pid = wait_for(lambda: fresh_supervisor(run, killed), 'a supervisor runs')
            before = len(run.alerts())
            run.process.stdin.write(b'x')
            run.process.stdin.flush()
            wait_for(lambda: len(run.alerts()) > before + 20, 'alerts are written', 40)
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
        run.process.stdin.write(b'x')
        run.process.stdin.close()
        self.assertEqual(0, run.process.wait(60))
        alerts = [a for a in run.alerts() if a['rule'] == 'Test shadow read']
        self.assertGreaterEqual(len(alerts), opens)
        self.assertLess(len(alerts), opens * 1.1)
        ids = collections.Counter(e['id'] for e in run.events())
        self.assertEqual([], [i for i, n in ids.items() if n > 1][:5], 'event ids that appear twice')

    def run_with_a_slow_reader(self, raw, processes, opens):
        """Kills a supervisor whose alerts have hardly left it, and others while the reader takes them bit by bit."""
        self.rules_file.write_text(OPENER_RULE)
        reader = Reader(self.dir / 'fifo')
        self.addCleanup(os.close, reader.fd)
        run = self.start_under('sh', '-c', f'"$0" {processes} {opens} && echo opened && read go', self.opener(raw),
                               options=['--alerts', self.dir / 'fifo'], stdin=subprocess.PIPE)
        self.assertEqual(b'opened\n', run.process.stdout.readline())
        # Nothing was read yet: the alerts are in the supervisor, the events in their log.
        wait_for(lambda: len(run.events()) >= processes * opens, 'the supervisor has seen every call', 60)
        killed = []
        for part in range(4):
            pid = wait_for(lambda: fresh_supervisor(run, killed), 'a supervisor runs')
            before = reader.read()
            wait_for(lambda: reader.read() >= before + 20 * part, 'alerts are written')
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)
        wait_for(lambda: fresh_supervisor(run, killed), 'a supervisor runs')
        wanted = {f'/nonexistent/uc-{p}-{i}' for p in range(processes) for i in range(opens)}
        def all_read():
            if reader.read(65536) < processes * opens or not reader.text.endswith(b'\n'):
                return False
            return wanted <= {a['output_fields']['evt.arg.name'] for a in reader.alerts()}
        wait_for(all_read, 'every alert comes', 40)
        run.process.stdin.close()
        wait_for(lambda: reader.read(65536) and run.process.poll() is not None, 'it ends')
        names = collections.Counter(a['output_fields']['evt.arg.name'] for a in reader.alerts())
        self.assertEqual(wanted, set(names))
        twice = sum(names.values()) - len(names)
        self.assertLess(twice, 100, 'alerts that were written already came again')

    def test_kills_while_alerts_of_the_shim_wait_for_a_slow_reader(self):
        self.run_with_a_slow_reader(False, 3, 100)

    def test_kills_while_alerts_of_the_trap_wait_for_a_slow_reader(self):
        self.run_with_a_slow_reader(True, 3, 300)

    def test_a_reader_that_reads_nothing_holds_nobody_up(self):
        """The rings give way once they are half full: every event is seen, the workload ends, and what was not written is said."""
        self.rules_file.write_text(OPENER_RULE)
        reader = Reader(self.dir / 'fifo')
        self.addCleanup(os.close, reader.fd)
        done = self.run_under(self.opener(False), 4, 20000, options=['--alerts', self.dir / 'fifo'], timeout=120)
        self.assertEqual((0, ''), (done.returncode, done.out), done.err[-2000:])
        self.check(done.events, 4, 20000)
        self.assertIn('lines could not be written', done.err)

    def with_fault(self, fault, opens):
        done = self.run_under(self.opener(raw=True), PROCESSES, opens, env={'UNDERCOAT_FAULT': fault}, timeout=240)
        self.assertEqual((0, ''), (done.returncode, done.out), done.err[-2000:])
        self.assertIn('UNDERCOAT_FAULT', done.err)
        self.check(done.events, opens=opens)

    def test_a_trap_thread_that_dies(self):
        self.with_fault('trap-thread-die:5000', OPENS)

    def test_a_trap_thread_that_stalls(self):
        self.with_fault('trap-thread-stall:5000', OPENS)

    def test_a_stopped_supervisor_holds_nobody_up(self):
        run = self.start_under('sh', '-c', 'echo started; read go; exec "$0" 8 200', self.opener(raw=False), stdin=subprocess.PIPE)
        self.assertEqual(b'started\n', run.process.stdout.readline())
        pid = wait_for(lambda: supervisor_of(run.process.pid), 'a supervisor runs')
        os.kill(pid, signal.SIGSTOP)
        run.process.stdin.write(b'\n')
        run.process.stdin.close()
        self.addCleanup(lambda: pathlib.Path(f'/proc/{pid}').exists() and os.kill(pid, signal.SIGCONT))
        self.assertEqual(0, run.process.wait(60))


if __name__ == '__main__':
    unittest.main()
