"""The stores that the bench knows, and the collector before each of them.

PostgreSQL and NATS are servers of the bench's own, from Debian's packages and with Debian's settings, so that they write to their disks as they
would in earnest; each part has a database of its own. BENCH_POSTGRES=postgresql://… (BENCH_POSTGRES_PASSWORD_FILE=…) and BENCH_NATS=nats://…
name others that somebody has started, with one empty database.

Must stay true: a store that this collector or machine has not is named with the reason and left out; what is started is ended.
"""
import contextlib
import itertools
import os
import pathlib
import re
import subprocess

import store_servers
from collectors import PATIENCE, Collector, Program
from harness import BUILD, wait_for

AIMS = {'sqlite': 20_000, 'postgres': 10_000, 'nats': 10_000}  # alerts/s
_numbers = itertools.count()


class Store:
    """One by its name. `keep`: a directory in which PostgreSQL's data stays, and is found again."""

    def __init__(self, name, keep=None):
        self.name, self.aim, self.postgres, self.nats = name, AIMS[name], None, None
        self.ended = contextlib.ExitStack()
        try:
            if name != 'sqlite' and not os.environ.get('BENCH_POSTGRES'):
                self.postgres = self.own(store_servers.Postgres(keep and keep.absolute() / 'postgres', settings=()))
            if name == 'nats' and not os.environ.get('BENCH_NATS'):
                self.nats = self.own(store_servers.Nats())
        except BaseException:
            self.close()
            raise

    def own(self, server):
        self.ended.callback(server.close)
        return server

    def close(self):
        self.ended.close()

    def environment(self, part):
        """What tells a collector where to store."""
        out = {}
        if self.postgres:
            if not self.postgres.sql(f"SELECT 1 FROM pg_database WHERE datname = '{part}'"):
                self.postgres.sql(f'CREATE DATABASE {part}')
            out.update(self.postgres.environment(part))
        elif self.name != 'sqlite':
            given = {'UNDERCOAT_STORE': 'BENCH_POSTGRES', 'UNDERCOAT_STORE_PASSWORD_FILE': 'BENCH_POSTGRES_PASSWORD_FILE'}
            out.update({variable: os.environ[name] for variable, name in given.items() if os.environ.get(name)})
        if self.name == 'nats':
            out.update(self.nats.environment(part) if self.nats else {'UNDERCOAT_NATS': os.environ['BENCH_NATS']})
        return out


@contextlib.contextmanager
def opened(name, scratch, keep=None):
    """The store, or why there is none here."""
    store = None
    try:
        try:
            store = Store(name, keep)
            tried = Measured(store, scratch / 'tried')
        except (store_servers.Missing, ChildProcessError, OSError) as e:
            yield None, ' '.join(str(e).split('\n')[:2])
            return
        tried.kill()
        yield store, ''
    finally:
        if store:
            store.close()


class Measured(Collector):
    """A collector before that store."""

    def __init__(self, store, directory):
        directory.mkdir(parents=True, exist_ok=True)
        Program.__init__(self, directory, 'collector', store.environment(directory.name))
        # The key that a first start prints is unknown where others have begun the database.
        name = f'bench-{os.getpid()}-{next(_numbers)}'
        self.key, self.api_key = (self.add_key(f'{name}-{role}', role) for role in ('agent', 'api'))
        wait_for(self.knows_its_keys, 'the keys are known', PATIENCE)

    def knows_its_keys(self):
        """Where others share the store it is told of them a moment later."""
        with contextlib.suppress(AssertionError):
            return self.get('/api/v1/status')

    def command(self, *arguments):
        return super().command('--max-size', '1000', *arguments)

    def add_key(self, name, role):
        r = subprocess.run(self.command('key', 'add', name, '--role', role), capture_output=True, text=True, env=self.environment)
        if r.returncode:
            raise ChildProcessError(f'no key: {r.stderr}')
        return r.stdout.strip()

    def memory(self, line='VmRSS'):
        """MiB."""
        return int(re.search(rf'^{line}:\s*(\d+) kB', pathlib.Path(f'/proc/{self.process.pid}/status').read_text(), re.M)[1]) / 1024

    def processor_time(self):
        """Seconds, of all its threads: unlike a rate it says the same on a machine with other work."""
        return sum(map(int, pathlib.Path(f'/proc/{self.process.pid}/stat').read_text().rsplit(')')[1].split()[11:13])) / os.sysconf('SC_CLK_TCK')

    def load(self, *arguments, **options):
        """The load's agents before it."""
        return subprocess.Popen([BUILD / 'bench/load', *map(str, arguments)], text=True, stdout=subprocess.PIPE, env={
            'UNDERCOAT_COLLECTOR': f'localhost:{self.port}', 'UNDERCOAT_ACCESS_KEY': self.key, 'UNDERCOAT_CA_CERT': str(self.ca)}, **options)

    def end(self):
        if self.stop() != 0:
            raise ChildProcessError(f'the collector ended with {self.process.returncode}: {self.said()}')


__all__ = ['AIMS', 'PATIENCE', 'Measured', 'opened']
