"""The stores that the bench knows, and the collector before each of them.

PostgreSQL and NATS are servers that somebody has started, with an empty database, and that write to their disks as they would in earnest:
BENCH_POSTGRES=postgresql://… (BENCH_POSTGRES_PASSWORD_FILE=…) and BENCH_NATS=nats://… name them.

Must stay true: a store that this collector or machine has not is named with the reason and left out; what is started is ended.
"""
import dataclasses
import os
import pathlib
import re
import subprocess

from collectors import PATIENCE, Collector, Program
from harness import BUILD


@dataclasses.dataclass(frozen=True)
class Store:
    """`aim`: alerts/s. `options`: the collector's, each with the variable that holds its value, or with None."""
    name: str
    aim: int
    options: tuple = ()

    def arguments(self):
        out = []
        for option, variable in self.options:
            if variable and not os.environ.get(variable):
                raise FileNotFoundError(f'{variable} is not set, for {option}')
            out += [option, os.environ[variable]] if variable else [option]
        return out

    def missing(self, scratch):
        """Why there is no such store here; empty: there is."""
        try:
            Measured(self, scratch / 'tried').kill()
        except (ChildProcessError, OSError) as e:
            return ' '.join(str(e).split('\n')[:2])
        return ''


class Measured(Collector):
    """A collector before that store."""

    def __init__(self, store, directory):
        self.of_store = ['--max-size', '1000', *store.arguments()]
        directory.mkdir(parents=True, exist_ok=True)
        Program.__init__(self, directory, 'collector')
        self.api_key = self.add_key(f'bench-{os.getpid()}', 'api')

    def command(self, *arguments):
        return super().command(*self.of_store, *arguments)

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


POSTGRES = (('--store', 'BENCH_POSTGRES'), ('--store-password-file', 'BENCH_POSTGRES_PASSWORD_FILE'))
STORES = {s.name: s for s in (Store('sqlite', 20_000), Store('postgres', 10_000, POSTGRES),
                              Store('nats', 10_000, (*POSTGRES, ('--nats', 'BENCH_NATS'))))}
__all__ = ['PATIENCE', 'STORES', 'Measured']
