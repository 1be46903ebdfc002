"""A program behaves under instrument as without it."""
import os
import pathlib
import pty
import select
import signal
import subprocess
import unittest

from harness import BUNDLE, INSTRUMENT, MODES, TRACERS, Case, under, wait_for


@under(*TRACERS)
class Status(Case):
    def test_exit_status_is_the_commands(self):
        for mode in MODES:
            for status in (0, 1, 7, 255):
                with self.subTest(mode=mode, status=status):
                    self.assertEqual(status, self.run_under('sh', '-c', f'exit {status}', mode=mode).returncode)

    def test_dies_of_the_commands_signal(self):
        for mode in MODES:
            for sig in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV):
                with self.subTest(mode=mode, signal=sig):
                    self.assertEqual(-sig, self.run_under('sh', '-c', f'kill -{int(sig)} $$', mode=mode).returncode)

    def test_command_not_found_is_127(self):
        done = self.run_under('/nonexistent/program')
        self.assertEqual(127, done.returncode)
        self.assertIn('/nonexistent/program', done.err)
        self.assertEqual(127, self.run_under('no-such-program-anywhere').returncode)

    def test_command_not_executable_is_126(self):
        plain = self.dir / 'plain'
        plain.write_text('data')
        self.assertEqual(126, self.run_under(plain).returncode)

    def test_missing_command_is_2_and_says_so(self):
        r = subprocess.run([INSTRUMENT], capture_output=True, text=True, env=self.environment())
        self.assertEqual(2, r.returncode)
        self.assertIn('ommand', r.stderr)

    def test_unknown_option_is_2_and_names_it(self):
        r = subprocess.run([INSTRUMENT, '--no-such-option', '--', 'true'], capture_output=True, text=True)
        self.assertEqual(2, r.returncode)
        self.assertIn('--no-such-option', r.stderr)

    def test_help(self):
        r = subprocess.run([INSTRUMENT, '--help'], capture_output=True, text=True)
        self.assertEqual(0, r.returncode)
        self.assertIn('--rules', r.stdout)


@under(*TRACERS)
class Streams(Case):
    def test_stdin_and_stdout_are_the_commands(self):
        data = os.urandom(200000)
        for mode in MODES:
            with self.subTest(mode=mode):
                r = subprocess.run(self.command('cat', mode=mode), input=data, capture_output=True, timeout=60,
                                   env=self.environment())
                self.assertEqual(data, r.stdout)

    def test_environment_and_directory_are_unchanged(self):
        for mode in MODES:
            with self.subTest(mode=mode):
                env = {'A': '1', 'EMPTY': '', 'ODD': 'x=y\nz', 'UNDERCOAT_PRIORITY': 'security', 'PATH': '/usr/bin:/bin'}
                native = subprocess.run(['env', '-0'], capture_output=True, env=env).stdout
                ours = subprocess.run(self.command('env', '-0', mode=mode), capture_output=True, env=env).stdout
                self.assertEqual(sorted(native.split(b'\0')), sorted(ours.split(b'\0')))
                self.assertEqual('/usr/lib\n', self.run_under('pwd', mode=mode, cwd='/usr/lib').out)

    def test_an_empty_environment_is_seen_as_empty(self):
        for mode in ('full', 'preload'):
            with self.subTest(mode=mode):
                self.assertEqual('', self.run_under('env', '-i', 'env', mode=mode).out)

    def test_descriptors_are_those_of_the_caller(self):
        program = 'import os; print(sorted(int(f) for f in os.listdir("/proc/self/fd")))'
        native = subprocess.run(['python3', '-c', program], capture_output=True, text=True).stdout
        for mode in MODES:
            with self.subTest(mode=mode):
                self.assertEqual(native, self.run_under('python3', '-c', program, mode=mode).out)

    def test_nothing_of_ours_on_stdout(self):
        done = self.run_under('sh', '-c', 'cat /etc/shadow >/dev/null; echo own')
        self.assertEqual('own\n', done.out)


class Limits(Case):
    def test_a_low_hard_limit_of_descriptors(self):
        # Ends, and leaves nobody behind who holds the output open: both by the deadline of the run.
        for mode in MODES:
            for limit in (16, 32, 200):
                with self.subTest(mode=mode, limit=limit):
                    done = self.run_under('sh', '-c', 'ulimit -n; exit 6', mode=mode, prefix=['prlimit', f'--nofile={limit}:{limit}'],
                                          env={'UNDERCOAT_PRIORITY': 'availability'}, timeout=30)
                    self.assertEqual((6, f'{limit}\n'), (done.returncode, done.out), done.err)


@under(*TRACERS)
class Terminal(Case):
    """In a pseudo terminal, as a person uses it."""

    def in_pty(self, *command, feed=b'', until=b''):
        pid, master = pty.fork()
        if pid == 0:
            os.execve(INSTRUMENT, self.command(*command), self.environment({'TERM': 'dumb'}))
        out, sent = b'', False
        try:
            while True:
                ready, _, _ = select.select([master], [], [], 30)
                if not ready:
                    os.kill(pid, signal.SIGKILL)
                    self.fail(f'no end within 30 s; so far: {out!r}')
                try:
                    data = os.read(master, 4096)
                except OSError:
                    break
                if not data:
                    break
                out += data
                if feed and not sent and until in out:
                    os.write(master, feed)
                    sent = True
        finally:
            os.close(master)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), out.replace(b'\r\n', b'\n')

    def test_the_command_has_the_terminal(self):
        status, out = self.in_pty('sh', '-c', 'tty >/dev/null && test -t 0 -a -t 1 -a -t 2 && echo terminal')
        self.assertEqual(0, status)
        self.assertIn(b'terminal', out)

    def test_ctrl_c_ends_the_command_once(self):
        script = "import signal,sys\nn=0\ndef h(*a):\n global n\n n+=1\nsignal.signal(signal.SIGINT,h)\nprint('ready',flush=True)\n" \
                 "sys.stdin.readline()\nprint('interrupts',n)"
        status, out = self.in_pty('python3', '-c', script, feed=b'\x03\n', until=b'ready')
        self.assertEqual(0, status, out)
        self.assertIn(b'interrupts 1', out)

    def test_job_control_of_a_shell(self):
        script = b'set -m; sleep 100 & kill -STOP %1; until [[ $(jobs -s) ]]; do :; done; jobs; fg %1 >/dev/null & bg %1; kill %1; wait; echo finished; exit 3\n'
        status, out = self.in_pty('bash', '--norc', '--noprofile', '-i', feed=script, until=b'$ ' if os.getuid() else b'# ')
        self.assertEqual(3, status, out)
        self.assertIn(b'finished', out)


@under(*TRACERS)
class Signals(Case):
    def forwarded(self, sig):
        script = "import signal,os\nsignal.signal(signal.%s,lambda *a: os._exit(42))\nprint('ready',flush=True)\nwhile True: signal.pause()"
        run = self.start_under('python3', '-c', script % sig)
        self.assertEqual(b'ready\n', run.process.stdout.readline())
        run.process.send_signal(getattr(signal, sig))
        self.assertEqual(42, run.process.wait(20), sig)

    def test_signals_reach_the_command(self):
        for sig in ('SIGTERM', 'SIGINT', 'SIGHUP', 'SIGUSR1', 'SIGUSR2', 'SIGWINCH', 'SIGQUIT'):
            with self.subTest(signal=sig):
                self.forwarded(sig)

    def test_a_signal_to_the_group_comes_once(self):
        # Real-time signals queue: each that comes is counted, the last one last.
        script = ('import os, signal\nn = 0\nboth = {signal.SIGRTMIN, signal.SIGRTMAX}\nsignal.pthread_sigmask(signal.SIG_BLOCK, both)\n'
                  'os.write(1, b"ready\\n")\nwhile signal.sigwaitinfo(both).si_signo != signal.SIGRTMAX:\n n += 1\n os.write(1, b"one\\n")\n'
                  'os.write(1, b"%d\\n" % n)')
        run = self.start_under('python3', '-c', script, process_group=0)
        self.assertEqual(b'ready\n', run.process.stdout.readline())
        for _ in range(5):
            os.killpg(run.process.pid, signal.SIGRTMIN)
            self.assertEqual(b'one\n', run.process.stdout.readline())
        # To init alone: passed on after all that it had to do before.
        run.process.send_signal(signal.SIGRTMIN)
        self.assertEqual(b'one\n', run.process.stdout.readline())
        run.process.send_signal(signal.SIGRTMAX)
        self.assertEqual(b'6\n', run.process.stdout.readline())
        self.assertEqual(0, run.process.wait(20))

    def test_stop_and_continue(self):
        # A group of its own in this session: the kernel lets no terminal stop reach an orphaned group.
        run = self.start_under('sh', '-c', 'echo $$; exec sleep 100', process_group=0)
        pid = int(run.process.stdout.readline())

        def state():
            return pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0]
        # Again and again: continued before init has stopped, too, it goes on.
        for _ in range(20):
            run.process.send_signal(signal.SIGTSTP)
            # A tracer's stop of the same kind is shown as t.
            wait_for(lambda: state() == ('t' if self.trap else 'T'), 'the command stops')
            run.process.send_signal(signal.SIGCONT)
            wait_for(lambda: state() == 'S', 'the command goes on')

    def test_orphans_are_reaped(self):
        script = ('import os,time\nfor i in range(20):\n p=os.fork()\n if p==0:\n  if os.fork(): os._exit(0)\n  os._exit(0)\n'
                  ' os.waitpid(p,0)\nprint("ready",flush=True)\nimport sys\nsys.stdin.read()')
        run = self.start_under('python3', '-c', script, stdin=subprocess.PIPE)
        self.assertEqual(b'ready\n', run.process.stdout.readline())

        def zombies():
            found = []
            for p in os.listdir('/proc'):
                if p.isdigit():
                    try:
                        fields = pathlib.Path(f'/proc/{p}/stat').read_text().rpartition(')')[2].split()
                    except OSError:
                        continue
                    if fields[0] == 'Z' and int(fields[1]) == run.process.pid:
                        found.append(p)
            return found
        wait_for(lambda: not zombies(), 'no zombies are left')
        run.process.stdin.close()
        self.assertEqual(0, run.process.wait(20))


@under(*TRACERS)
class Init(Case):
    def as_pid_1(self, *command):
        self.need_root()
        return self.run_under(*command, prefix=['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'])

    def test_exit_status_as_pid_1(self):
        self.assertEqual(9, self.as_pid_1('sh', '-c', 'exit 9').returncode)

    def test_a_signal_is_128_plus_n_as_pid_1(self):
        self.assertEqual(128 + 15, self.as_pid_1('sh', '-c', 'kill -TERM $$').returncode)

    def test_alerts_as_pid_1(self):
        done = self.as_pid_1('cat', '/etc/shadow')
        self.assertEqual(['Test shadow read'], done.rules(), done.err)


@under(*TRACERS)
class Nested(Case):
    def test_an_instrument_inside_an_instrument_just_runs(self):
        done = self.run_under(INSTRUMENT, '--', 'sh', '-c', 'cat /etc/shadow >/dev/null; exit 5')
        self.assertEqual(5, done.returncode, done.err)
        self.assertEqual(['Test shadow read'], done.rules())


class Relocation(Case):
    def test_the_bundle_runs_where_it_is_copied(self):
        self.need_root()
        copy = self.dir / 'elsewhere'
        subprocess.run(['cp', '-a', BUNDLE, copy], check=True)
        command = self.command('cat', '/etc/shadow')
        command[0] = str(copy / 'bin/instrument')
        r = subprocess.run(command, capture_output=True, text=True, env=self.environment(), timeout=60)
        self.assertEqual(0, r.returncode, r.stderr)
        self.assertIn('Test shadow read', (self.dir / 'alerts.jsonl').read_text())


if __name__ == '__main__':
    unittest.main()
