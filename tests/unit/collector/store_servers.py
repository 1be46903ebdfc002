"""A PostgreSQL and a NATS with JetStream for tests and benches, from Debian's packages.

Must stay true: everything is in directories of its own and on loopback ports that were free; no server of the system is touched; what was
started is ended by its number; waiting is for a condition with a deadline."""
import contextlib
import glob
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time

PASSWORD = 'a password of the store'
SLOW = int(os.environ.get('TEST_PATIENCE', '60'))


def wait_for(condition, what):
    deadline = time.monotonic() + SLOW
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f'not within {SLOW} s: {what}')


def free_port():
    """Of those that no outgoing connection is given: the server is started again and again, and must find it free."""
    lowest = int(pathlib.Path('/proc/sys/net/ipv4/ip_local_port_range').read_text().split()[0])
    while True:
        port = random.randrange(max(1024, lowest - 20000), max(lowest, 1025))
        with contextlib.suppress(OSError), socket.create_server(('127.0.0.1', port)):
            return port


class Missing(Exception):
    """A program that a store needs."""


def gone(pid):
    """It does nothing any more: whoever is to collect its number may take its time."""
    try:
        return pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] in 'ZX'
    except (FileNotFoundError, ProcessLookupError):
        return True


class Process:
    """A server program, which kill() ends as a power cut would and start() brings back."""
    ready = None

    def run(self, command, user=None):
        as_user = {'user': user, 'group': user, 'extra_groups': []} if user and os.geteuid() == 0 else {}
        with open(self.directory + '/log', 'a') as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True, cwd='/', **as_user)
        wait_for(self.answers, f'{command[0]} answers')

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(pathlib.Path(self.directory, 'log').read_text(errors='replace')[-2000:])
        with contextlib.suppress(OSError), socket.create_connection(('127.0.0.1', self.port), timeout=1):
            return True

    def children(self):
        """PostgreSQL's are in sessions of their own."""
        with contextlib.suppress(FileNotFoundError):
            return [int(p) for p in pathlib.Path(f'/proc/{self.process.pid}/task/{self.process.pid}/children').read_text().split()]
        return []

    def kill(self):
        children = self.children()
        for pid in (self.process.pid, *children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(SLOW)
        wait_for(lambda: all(map(gone, children)), 'its processes are gone')

    def stop(self, stopped=True):
        """All its processes hang, or go on: connections stay, and nobody answers."""
        for pid in (self.process.pid, *self.children()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP if stopped else signal.SIGCONT)

    def close(self):
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)


class Postgres(Process):
    """`settings`: of postgresql.conf, beside its defaults. A `directory` that is given stays when the server is closed, and is used again."""

    # Its processes may be killed, the machine is not: fsync would only cost time.
    def __init__(self, directory=None, settings=('fsync=off',)):
        programs = sorted(glob.glob('/usr/lib/postgresql/*/bin'))
        if not programs:
            raise Missing('PostgreSQL is not installed')
        self.programs, self.port, self.databases = programs[-1], free_port(), 0
        self.settings, self.stays = settings, directory is not None
        self.directory = str(directory or tempfile.mkdtemp(prefix='postgres-test-'))
        self.data, self.password_file = self.directory + '/data', self.directory + '/password'
        if not pathlib.Path(self.data).exists():
            self.make()
        self.start()

    def make(self):
        os.makedirs(self.data)
        pathlib.Path(self.password_file).write_text(PASSWORD + '\n')
        if os.geteuid() == 0:
            for path in (self.directory, self.data, self.password_file):
                shutil.chown(path, 'postgres', 'postgres')
        self.program('initdb', '-D', self.data, '-U', 'undercoat', '-A', 'scram-sha-256', '--pwfile', self.password_file, '-E', 'UTF8', '--locale=C.UTF-8',
                     '--no-sync', '--no-instructions')

    def program(self, name, *arguments):
        as_user = {'user': 'postgres', 'group': 'postgres', 'extra_groups': []} if os.geteuid() == 0 else {}
        r = subprocess.run([f'{self.programs}/{name}', *arguments], capture_output=True, text=True, cwd='/', env={**os.environ, 'PGPASSWORD': PASSWORD}, **as_user)
        assert r.returncode == 0, f'{name}: {r.stdout}{r.stderr}'
        return r.stdout

    def start(self):
        """A process that was forked while it was killed holds its memory for a moment: then it is started once more."""
        for last in (False, True):
            begin = pathlib.Path(self.directory, 'log').stat().st_size if os.path.exists(self.directory + '/log') else 0
            try:
                return self.start_once()
            except AssertionError:
                if last or 'still in use' not in pathlib.Path(self.directory, 'log').read_text(errors='replace')[begin:]:
                    raise

    def start_once(self):
        settings = ['listen_addresses=127.0.0.1', f'port={self.port}', f'unix_socket_directories={self.directory}', *self.settings]
        self.run([self.programs + '/postgres', '-D', self.data, *(a for s in settings for a in ('-c', s))], 'postgres')

    def answers(self):
        if not super().answers():
            return False
        return subprocess.run([self.programs + '/pg_isready', '-q', '-h', '127.0.0.1', '-p', str(self.port)]).returncode == 0

    def close(self):
        if self.stays:
            self.kill()
        else:
            super().close()

    def sql(self, text, database='postgres'):
        return self.program('psql', '-h', '127.0.0.1', '-p', str(self.port), '-U', 'undercoat', '-d', database, '-Atqc', text).strip()

    def new_database(self):
        self.databases += 1
        name = f'test{self.databases}'
        self.sql(f'CREATE DATABASE {name}')
        return name

    def environment(self, database):
        return {'UNDERCOAT_STORE': f'postgresql://undercoat@127.0.0.1:{self.port}/{database}', 'UNDERCOAT_STORE_PASSWORD_FILE': self.password_file}


class Nats(Process):
    def __init__(self):
        if not shutil.which('nats-server'):
            raise Missing('nats-server is not installed')
        self.port = free_port()
        self.directory = tempfile.mkdtemp(prefix='nats-test-')
        self.start()

    def start(self):
        self.run(['nats-server', '-a', '127.0.0.1', '-p', str(self.port), '-js', '-sd', self.directory + '/data'])

    def environment(self, stream):
        return {'UNDERCOAT_NATS': f'nats://127.0.0.1:{self.port}', 'UNDERCOAT_NATS_STREAM': stream}
