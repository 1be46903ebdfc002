"""The stores that the collector's tests run on, with real servers of their own: STORE is sqlite, postgres or nats (NATS into PostgreSQL).

Must stay true: everything is in temporary directories and on loopback ports that were free; no server of the system is touched; what was
started is ended by its number."""
import contextlib
import glob
import os
import pathlib
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile

import support
from support import SLOW, wait_for

STORE = os.environ.get('STORE', 'sqlite')
PASSWORD = 'a password of the store'


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
    def __init__(self):
        programs = sorted(glob.glob('/usr/lib/postgresql/*/bin'))
        if not programs:
            raise Missing('PostgreSQL is not installed')
        self.programs, self.port, self.databases = programs[-1], free_port(), 0
        self.directory = tempfile.mkdtemp(prefix='postgres-test-')
        self.data, self.password_file = self.directory + '/data', self.directory + '/password'
        pathlib.Path(self.password_file).write_text(PASSWORD + '\n')
        os.mkdir(self.data)
        if os.geteuid() == 0:
            for path in (self.directory, self.data, self.password_file):
                shutil.chown(path, 'postgres', 'postgres')
        self.program('initdb', '-D', self.data, '-U', 'undercoat', '-A', 'scram-sha-256', '--pwfile', self.password_file, '-E', 'UTF8', '--locale=C.UTF-8',
                     '--no-sync', '--no-instructions')
        self.start()

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
        # Its processes may be killed, the machine is not: fsync would only cost time.
        self.run([self.programs + '/postgres', '-D', self.data, '-c', 'listen_addresses=127.0.0.1', '-c', f'port={self.port}', '-c', 'fsync=off',
                  '-c', f'unix_socket_directories={self.directory}'], 'postgres')

    def answers(self):
        if not super().answers():
            return False
        return subprocess.run([self.programs + '/pg_isready', '-q', '-h', '127.0.0.1', '-p', str(self.port)]).returncode == 0

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


class Sqlite:
    """One directory for each collector."""
    shared = False

    def environment(self):
        return {}

    def kept(self, server):
        return b''.join(p.read_bytes() for p in pathlib.Path(server.directory, 'data').iterdir())

    @contextlib.contextmanager
    def refusing(self, server):
        lock = sqlite3.connect(server.directory + '/data/alerts-000001.db', isolation_level=None)
        lock.execute('BEGIN IMMEDIATE')
        try:
            yield
        finally:
            lock.execute('ROLLBACK')
            lock.close()

    def close(self):
        pass


class Shared:
    """A PostgreSQL with a database for each collector, or for several."""
    shared = True

    def __init__(self):
        self.postgres = Postgres()

    def environment(self):
        return self.postgres.environment(self.postgres.new_database())

    def kept(self, _):
        parts = []
        for directory, _, names in os.walk(self.postgres.data):  # which changes meanwhile
            for name in names:
                with contextlib.suppress(FileNotFoundError):
                    parts.append(pathlib.Path(directory, name).read_bytes())
        return b''.join(parts)

    @contextlib.contextmanager
    def refusing(self, _):
        self.postgres.kill()
        try:
            yield
        finally:
            self.postgres.start()

    def close(self):
        self.postgres.close()


class Backbone(Shared):
    """NATS before it; each database has a stream of its name."""

    def __init__(self):
        super().__init__()
        try:
            self.nats = Nats()
        except BaseException:
            self.postgres.close()
            raise

    def environment(self):
        database = self.postgres.new_database()
        return {**self.postgres.environment(database), **self.nats.environment(database)}

    @contextlib.contextmanager
    def refusing(self, _):
        self.nats.kill()
        try:
            yield
        finally:
            self.nats.start()

    def close(self):
        self.nats.close()
        super().close()


used = None


def start():
    """For setUpModule(). Without the servers' programs the whole test is skipped, and says so: 77 is Meson's number for it."""
    global used
    try:
        used = {'sqlite': Sqlite, 'postgres': Shared, 'nats': Backbone}[STORE]()
    except Missing as e:
        print(f'skipped: {e}', file=sys.stderr)
        sys.exit(77)


def close():
    used.close()


def collector(environment=None):
    """A collector with a store of its own, or one that the environment names."""
    return support.Server(environment=environment or used.environment())
