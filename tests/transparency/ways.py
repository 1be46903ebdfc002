"""The ways of running a command that are compared, and a place to run it in.

Must stay true: nothing that a suite starts outlives its run: as root each run has a pid name space of its own with a small init, else
a session of its own; every run has a deadline. Native and watched runs differ in the command before `--` and in nothing else.
"""
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import time

import sources

# Name of a way: instrument's options. The first is what the others are compared with.
WAYS = {
    'native': None,
    'full': ['--mode', 'full'],
    'full-ptrace': ['--mode', 'full', '--trap', 'ptrace'],
    'preload': ['--mode', 'preload'],
    'trap': ['--mode', 'trap', '--trap', 'notify'],
    'trap-ptrace': ['--mode', 'trap', '--trap', 'ptrace'],
}
NOBODY = 65534

# Pid 1 of each run: waits for the command, which is not pid 1 itself, natively or watched.
INIT = 'ip link set lo up 2>/dev/null; "$@"; exit $?'


class Outcome:
    """How one run ended: status (None: at the deadline), output, seconds."""

    def __init__(self, status, out, err, seconds):
        self.status, self.out, self.err, self.seconds = status, out, err, seconds


class Place:
    """Scratch directories and a copy of the bundle that every user can read."""

    def __init__(self, bundle, scratch):
        self.root = pathlib.Path(scratch)
        self.root.chmod(0o755)
        self.bundle = self.root / 'undercoat'
        shutil.copytree(bundle, self.bundle)
        # Ordinary users read the suites from here, too: a checkout can lie in a home directory.
        self.suites = self.root / 'suites'
        shutil.copytree(pathlib.Path(__file__).parent, self.suites, ignore=shutil.ignore_patterns('__pycache__'))
        for path in (self.suites, *self.suites.rglob('*')):
            path.chmod(path.stat().st_mode | 0o444 | (0o111 if path.is_dir() else 0))
        self.runs = 0
        self.trees = {}
        self.live, self.stopped = set(), False

    def stop(self):
        """Ends what runs; nothing is started any more."""
        self.stopped = True
        for p in list(self.live):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(p.pid, signal.SIGKILL)

    def directory(self, user):
        """A new directory that belongs to this user."""
        self.runs += 1
        where = self.root / f'run-{self.runs}'
        where.mkdir(mode=0o700)
        if user:
            os.chown(where, NOBODY, NOBODY)
        return where

    def cache(self, name):
        """A directory that outlives a run and that every user can write to: what is compiled does not depend on the way."""
        where = self.root / f'cache-{name}'
        where.mkdir(exist_ok=True)
        where.chmod(0o777)
        return where

    def source(self, package):
        """The unpacked tree of a source package, readable for every user."""
        return self.trees[package]

    def add_sources(self, packages):
        """Fetches them; those that can be had are then found by source()."""
        sources.fetch(packages)
        for package in packages:
            if package not in self.trees and (tree := sources.tree(package)):
                copy = self.root / 'sources' / package
                shutil.copytree(tree, copy, symlinks=True)
                subprocess.run(['chmod', '-R', 'a+rX', self.root / 'sources'], check=True)
                self.trees[package] = copy

    def remove(self, where):
        shutil.rmtree(where, ignore_errors=True)

    def command(self, way, command, where):
        options = WAYS[way]
        if options is None:
            return [str(c) for c in command]
        return [str(self.bundle / 'bin/instrument'), *options, '--log', 'error', '--alerts', str(where / 'undercoat.alerts'), '--',
                *[str(c) for c in command]]

    def run(self, way, command, where, user, seconds, env=None):
        """Runs it to its end or to the deadline, and ends what it leaves behind."""
        if self.stopped:
            raise KeyboardInterrupt
        isolate = os.getuid() == 0
        argv = self.command(way, command, where)
        if user:
            argv = ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups', *argv]
        if isolate:
            argv = ['unshare', '--pid', '--net', '--fork', '--mount-proc', '--kill-child', 'sh', '-c', INIT, 'init', *argv]
        environment = {'PATH': '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME': str(where), 'TMPDIR': str(where), 'LANG': 'C.UTF-8',
                       'UNDERCOAT_PRIORITY': 'security', 'TRANSPARENCY_RESULTS': str(where / 'results'), **(env or {})}
        began = time.monotonic()
        # Output goes to files: a pipe would be held open by whoever is left behind.
        with open(where / 'stdout', 'wb+') as out, open(where / 'stderr', 'wb+') as err:
            p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=where, env=environment, start_new_session=True)
            self.live.add(p)
            try:
                status = p.wait(seconds)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(p.pid, signal.SIGKILL)
                p.wait()
                self.live.discard(p)
            out.seek(0)
            err.seek(0)
            return Outcome(status, out.read().decode(errors='replace'), err.read().decode(errors='replace'), time.monotonic() - began)
