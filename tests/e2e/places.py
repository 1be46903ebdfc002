"""Places: each with a network of its own, joined by cables that can be cut, and with small disks of its own that can be filled.

Must stay true: a place is one process, and its network, cables and mounts end with it, whatever becomes of the test; nothing of the
machine's own network is touched.
"""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

from collectors import Collector, Orchestrator

PATIENCE = 60


def why_not():
    """Why there can be no places here; None: there can."""
    if os.getuid() != 0:
        return 'network namespaces need root'
    if not shutil.which('ip'):
        return 'ip is not installed (iproute2)'
    try:
        with Place() as a, Place() as b:
            Link(a, b, 9)
    except (OSError, subprocess.CalledProcessError) as e:
        return f'no network namespaces with veth pairs: {getattr(e, "stderr", "") or e}'
    return None


class Place:
    def __init__(self):
        holder = ['unshare', '--net', '--mount', '--propagation', 'private', 'sh', '-c', 'ip link set lo up && echo && exec cat']
        self.process = subprocess.Popen(holder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != '\n':
            raise OSError(f'unshare ended with {self.process.wait(PATIENCE)}')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.leave()

    def leave(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait(PATIENCE)

    def inside(self, *command):
        """The command as run there."""
        return ['nsenter', '--target', str(self.process.pid), '--net', '--mount', '--', *map(str, command)]

    def run(self, *command):
        return subprocess.run(self.inside(*command), check=True, capture_output=True, text=True, timeout=PATIENCE).stdout

    def seen(self, path):
        """A path there, as seen from here."""
        return pathlib.Path(f'/proc/{self.process.pid}/root') / pathlib.Path(path).relative_to('/')

    def disk(self, directory, megabytes):
        """Makes the directory a disk of its own."""
        pathlib.Path(directory).mkdir(parents=True, exist_ok=True)
        self.run('mount', '-t', 'tmpfs', '-o', f'size={megabytes}m', 'none', directory)

    def used(self, directory):
        """Bytes of the files in a directory there."""
        total = 0
        for f in self.seen(directory).rglob('*'):
            with contextlib.suppress(OSError):
                total += f.stat().st_size
        return total

    def fill(self, directory):
        """Takes what is free on the disk; again to take what became free since."""
        with open(self.seen(directory) / 'ballast', 'ab', buffering=0) as f, contextlib.suppress(OSError):
            for size in (1 << 20, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while f.write(b'\0' * size):
                        pass

    def free(self, directory):
        (self.seen(directory) / 'ballast').unlink()


class Link:
    """Joins two places: the first is 10.77.NUMBER.1, the second 10.77.NUMBER.2."""

    def __init__(self, a, b, number):
        self.a, self.name = a, f'cable{number}'
        a.run('ip', 'link', 'add', self.name, 'type', 'veth', 'peer', 'name', self.name, 'netns', b.process.pid)
        for place, end in ((a, 1), (b, 2)):
            place.run('ip', 'address', 'add', f'10.77.{number}.{end}/24', 'dev', self.name)
            place.run('ip', 'link', 'set', self.name, 'up')

    def cut(self):
        self.a.run('ip', 'link', 'set', self.name, 'down')

    def mend(self):
        self.a.run('ip', 'link', 'set', self.name, 'up')


# SQLite resolves the links of a path, so it would open the file here instead of that there.
READER = """
import glob, json, sqlite3, sys
for column in sys.stdin:
    found = []
    for file in glob.glob(sys.argv[1] + '/alerts-*.db'):
        db = sqlite3.connect(f'file:{file}?mode=ro', uri=True, timeout=60)
        found += [row[0] for row in db.execute(f"SELECT {column} FROM alerts WHERE rule = 'Load'")]
        db.close()
    print(json.dumps(found), flush=True)
"""


class PlacedCollector(Collector):
    def __init__(self, directory, place, address, megabytes):
        self.place, self.address = place, address
        place.disk(directory / 'collector', megabytes)
        super().__init__(directory, options=('--name', address))
        self.reader = subprocess.Popen(place.inside(sys.executable, '-c', READER, self.data), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def close(self):
        self.kill()
        self.reader.communicate()

    def stored(self, column='message'):
        """Of the load's alerts, as they lie on the disk, as often as they are there."""
        self.reader.stdin.write(column + '\n')
        self.reader.stdin.flush()
        return json.loads(self.reader.stdout.readline())

    def count(self):
        return sum(self.stored('count(*)'))


class PlacedOrchestrator(Orchestrator):
    def __init__(self, directory, collector, place, address, megabytes, options=()):
        self.place, self.address = place, address
        place.disk(directory / 'orchestrator', megabytes)
        super().__init__(directory, collector, options=('--name', address, *options))
