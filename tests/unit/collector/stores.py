"""The stores that the collector's tests run on, with real servers of their own: STORE is sqlite, postgres or nats (NATS into PostgreSQL).

Must stay true (store_servers.py): no server of the system is touched, and what was started is ended."""
import contextlib
import os
import pathlib
import sqlite3
import sys

import support
from store_servers import Missing, Nats, Postgres

STORE = os.environ.get('STORE', 'sqlite')


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
