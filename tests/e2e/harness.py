"""What the end-to-end tests share: the bundle under test, running a command under it, reading alerts and events.

Must stay true: every wait has a deadline and waits for a condition, not for time; nothing is left running; a test that cannot
run here says why by skipping.
"""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get('UNDERCOAT_BUILD', ROOT / 'build'))
BUNDLE = pathlib.Path(os.environ.get('UNDERCOAT_BUNDLE', BUILD / 'bundle/opt/undercoat'))
INSTRUMENT = BUNDLE / 'bin/instrument'
MODES = ('full', 'preload', 'trap')

# The back ends beside the one that `auto` takes.
TRACERS = ('ptrace', 'ptrace-all')


def under(*back_ends, only=''):
    """Class decorator: the same tests (those with `only` in their names) once more under each of these back ends, as a class of its own."""
    def multiply(cls):
        module = sys.modules[cls.__module__]
        left_out = {n: None for n in dir(cls) if n.startswith('test_') and only not in n}
        for kind in back_ends:
            name = f'{cls.__name__}Under{kind.title().replace("-", "")}'
            setattr(module, name, type(name, (cls,), {'trap': kind, '__module__': cls.__module__, '__doc__': cls.__doc__, **left_out}))
        return cls
    return multiply


# One rule of each kind that the tests need; written here so that no test depends on a pack's wording.
RULES = '''
- rule: Test shadow read
  desc: a sensitive file was opened
  condition: evt.type in (open, openat, openat2) and evt.dir=< and fd.name=/etc/shadow
  output: shadow was opened (proc=%proc.name file=%fd.name)
  priority: WARNING
- rule: Test spawned program
  desc: a program was executed
  condition: evt.type in (execve, execveat) and evt.dir=< and proc.name=true
  output: true was executed (proc=%proc.name args=%proc.args)
  priority: NOTICE
'''


def lines_of_json(path):
    """The JSON objects of a file of lines; a last line without its end (still being written) is left out."""
    if not os.path.exists(path):
        return []
    text = pathlib.Path(path).read_text(errors='replace')
    return [json.loads(l) for l in text[:text.rfind('\n') + 1].splitlines() if l.startswith('{')]


def wait_for(condition, what, seconds=20):
    """Waits until condition() is true and returns its value; fails after the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f'not within {seconds} s: {what}')


def children_of(pid):
    with contextlib.suppress(OSError):
        return [int(p) for t in os.listdir(f'/proc/{pid}/task')
                for p in pathlib.Path(f'/proc/{pid}/task/{t}/children').read_text().split()]
    return []


def supervisor_of(instrument_pid):
    """The pid of the supervisor below this instrument, or None."""
    for pid in children_of(instrument_pid):
        with contextlib.suppress(OSError):
            comm = pathlib.Path(f'/proc/{pid}/comm').read_text().strip()
            state = pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0]
            if comm == 'supervisor' and state != 'Z':
                return pid
            if comm in ('instrument', 'undercoat') and (found := supervisor_of(pid)):
                return found
    return None


class Done:
    """A finished run."""

    def __init__(self, returncode, out, err, alerts, events):
        self.returncode, self.out, self.err, self.alerts, self.events = returncode, out, err, alerts, events

    def rules(self):
        return [a['rule'] for a in self.alerts]

    def calls(self, *types):
        return [e for e in self.events if e.get('type') in types]


class Running:
    """A workload under instrument, still running."""

    def __init__(self, process, alerts, events):
        self.process, self.alerts_file, self.events_file = process, alerts, events

    def alerts(self):
        return lines_of_json(self.alerts_file)

    def events(self):
        return lines_of_json(self.events_file)


class Case(unittest.TestCase):
    maxDiff = None
    trap = None  # --trap of every run, where it is not preload mode; None: not given

    @classmethod
    def setUpClass(cls):
        for part in ('bin/instrument', 'bin/supervisor', 'bin/undercoat', 'lib/libshim.so'):
            if not (BUNDLE / part).exists():
                raise AssertionError(f'{BUNDLE} lacks {part}: build it first')

    def setUp(self):
        scratch = tempfile.TemporaryDirectory(prefix='uc-e2e-')
        self.addCleanup(scratch.cleanup)
        self.dir = pathlib.Path(scratch.name)
        self.dir.chmod(0o755)
        self.rules_file = self.dir / 'rules.yaml'
        self.rules_file.write_text(RULES)

    def command(self, *command, mode='full', rules=None, options=()):
        rules = [self.rules_file] if rules is None else rules
        options = [str(o) for o in options]
        if '--alerts' not in options:
            options += ['--alerts', str(self.dir / 'alerts.jsonl')]
        trap = ['--trap', self.trap] if self.trap and mode != 'preload' else []
        return [str(INSTRUMENT), '--mode', mode, *trap, '--json', *[str(x) for r in rules for x in ('--rules', r)], '--events',
                str(self.dir / 'events.jsonl'), *options, '--', *[str(c) for c in command]]

    def environment(self, env=None, wait_for_rules=True):
        e = {'PATH': '/usr/sbin:/usr/bin:/sbin:/bin', 'HOME': '/root', 'LC_ALL': 'C', **(env or {})}
        if wait_for_rules:
            e.setdefault('UNDERCOAT_PRIORITY', 'security')
        return e

    def run_under(self, *command, mode='full', rules=None, options=(), env=None, stdin=b'', timeout=60, cwd=None, prefix=()):
        for name in ('alerts.jsonl', 'events.jsonl'):
            with contextlib.suppress(FileNotFoundError):
                (self.dir / name).unlink()
        r = subprocess.run([*prefix, *self.command(*command, mode=mode, rules=rules, options=options)], input=stdin,
                           capture_output=True, timeout=timeout, env=self.environment(env), cwd=cwd)
        return Done(r.returncode, r.stdout.decode(errors='replace'), r.stderr.decode(errors='replace'),
                    lines_of_json(self.dir / 'alerts.jsonl'), lines_of_json(self.dir / 'events.jsonl'))

    def start_under(self, *command, mode='full', rules=None, options=(), env=None, **popen):
        popen.setdefault('stdin', subprocess.DEVNULL)
        popen.setdefault('stdout', subprocess.PIPE)
        popen.setdefault('stderr', subprocess.PIPE)
        if 'process_group' not in popen:
            popen['start_new_session'] = True
        p = subprocess.Popen(self.command(*command, mode=mode, rules=rules, options=options), env=self.environment(env),
                             **popen)
        self.addCleanup(self._end, p)
        return Running(p, self.dir / 'alerts.jsonl', self.dir / 'events.jsonl')

    @staticmethod
    def _end(process):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)
        for stream in (process.stdout, process.stderr):
            if stream:
                stream.close()

    def compile(self, source, name, *flags, compiler='gcc'):
        """Builds a C program of a test; skips where the compiler is missing."""
        if not shutil.which(compiler):
            self.skipTest(f'{compiler} is not installed')
        file = self.dir / f'{name}.c'
        file.write_text(source)
        r = subprocess.run([compiler, '-O1', '-o', self.dir / name, file, *flags], capture_output=True, text=True)
        self.assertEqual(0, r.returncode, r.stderr)
        return self.dir / name

    def need_root(self):
        if os.getuid() != 0:
            self.skipTest('needs root')
