"""The place a run is confined to and accounted in: control groups of its own for CPU time, memory and the quota.

CPU time is that of everything in the group: the program, its children and all our processes. Both versions of control groups are known;
where none can be made the CPU time is what the kernel adds up for waited-for descendants, and the result says so.

Must stay true: close() ends all that is left in the group, by its process ids, and removes the group.
"""
import contextlib
import os
import pathlib
import resource
import signal
import threading
import time

MOUNTS = pathlib.Path('/proc/self/mountinfo')
ENTER = 'for g in $BENCH_GROUPS; do echo $$ > "$g/cgroup.procs" || exit 120; done; unset BENCH_GROUPS; exec "$@"'


def places():
    """{controller: directory of this process} for cpuacct, cpu, memory; `unified` for version 2."""
    own = {}
    for line in pathlib.Path('/proc/self/cgroup').read_text().splitlines():
        _, controllers, path = line.split(':', 2)
        for c in controllers.split(',') if controllers else ['unified']:
            own[c] = path
    found = {}
    for line in MOUNTS.read_text().splitlines():
        left, _, right = line.partition(' - ')
        fields, kind = left.split(), right.split()
        names = ['unified'] if kind[0] == 'cgroup2' else kind[2].split(',') if kind[0] == 'cgroup' else []
        for c in names:
            if c in own and c not in found:
                found[c] = pathlib.Path(fields[4] + os.path.join('/', os.path.relpath(own[c], fields[3])).rstrip('/'))
    return found


def usable():
    """The directories in which groups can be made, or {} ."""
    chosen = {}
    for name, where in places().items():
        if name not in ('cpuacct', 'cpu', 'memory', 'unified'):
            continue
        probe = where / f'undercoat-probe-{os.getpid()}'
        with contextlib.suppress(OSError):
            probe.mkdir()
            wanted = {'cpuacct': 'cpuacct.usage', 'cpu': 'cpu.cfs_quota_us', 'memory': 'memory.stat', 'unified': 'cpu.stat'}[name]
            if (probe / wanted).exists():
                chosen[name] = where
            probe.rmdir()
    return chosen


def usage_of(text):
    """Seconds from the text of cpuacct.usage (nanoseconds) or of cpu.stat (usage_usec)."""
    words = text.split()
    return int(words[1]) / 1e6 if words and words[0] == 'usage_usec' else int(words[0]) / 1e9


def memory_of(text):
    """Bytes of anonymous and shared memory from the text of memory.stat; file pages do not count: native runs leave them, too."""
    v = dict(line.split()[:2] for line in text.splitlines() if line.strip())
    total = {k.removeprefix('total_'): x for k, x in v.items() if k.startswith('total_')} or v
    return int(total.get('rss', total.get('anon', 0))) + int(total.get('shmem', 0))


class Cell:
    """One run's groups. `quota`: CPUs it may use, None for all."""
    count = 0

    def __init__(self, where, quota=None):
        Cell.count += 1
        self.groups = {}
        for c, parent in where.items():
            if c == 'cpu' and quota is None or c == 'unified' and 'cpuacct' in where:
                continue
            group = parent / f'undercoat-bench-{os.getpid()}-{Cell.count}'
            group.mkdir()
            self.groups[c] = group
        if quota is not None:
            self.limit(quota)
        self.peak, self._stop = 0, threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        if self.memory_file():
            self._sampler.start()

    def limit(self, quota):
        if 'cpu' in self.groups:
            (self.groups['cpu'] / 'cpu.cfs_period_us').write_text('100000')
            (self.groups['cpu'] / 'cpu.cfs_quota_us').write_text(str(int(quota * 100000)))
        elif 'unified' in self.groups and (self.groups['unified'] / 'cpu.max').exists():
            (self.groups['unified'] / 'cpu.max').write_text(f'{int(quota * 100000)} 100000')
        else:
            self.close()
            raise OSError('no control group here can limit the CPU time')

    def usage_file(self):
        if 'cpuacct' in self.groups:
            return self.groups['cpuacct'] / 'cpuacct.usage'
        return self.groups['unified'] / 'cpu.stat' if 'unified' in self.groups else None

    def memory_file(self):
        group = self.groups.get('memory') or self.groups.get('unified')
        return group / 'memory.stat' if group and (group / 'memory.stat').exists() else None

    def cpu(self):
        """Seconds used so far."""
        if self.usage_file():
            return usage_of(self.usage_file().read_text())
        u = resource.getrusage(resource.RUSAGE_CHILDREN)
        return u.ru_utime + u.ru_stime

    def settled(self, seconds=0.3):
        """Waits until what was left to do is done, and returns the seconds used: a supervisor may still be reading rings."""
        deadline, last = time.monotonic() + seconds, self.cpu()
        while time.monotonic() < deadline:
            time.sleep(0.02)
            now = self.cpu()
            if now - last < 0.0005:
                return now
            last = now
        return last

    def enter(self, command):
        """The command that enters the groups and becomes `command`, with the environment it needs."""
        return ['sh', '-c', ENTER, 'sh', *command], {'BENCH_GROUPS': ' '.join(str(g) for g in self.groups.values())}

    def processes(self):
        pids = set()
        for g in self.groups.values():
            with contextlib.suppress(OSError):
                pids |= {int(p) for p in (g / 'cgroup.procs').read_text().split()}
        return pids

    def end(self, number=signal.SIGKILL):
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def _sample(self):
        file = self.memory_file()
        while not self._stop.wait(0.03):
            with contextlib.suppress(OSError, ValueError):
                self.peak = max(self.peak, memory_of(file.read_text()))

    def close(self):
        self._stop.set() if hasattr(self, '_stop') else None
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            self.end()
            left = []
            for g in self.groups.values():
                try:
                    g.rmdir()
                except FileNotFoundError:
                    pass
                except OSError:
                    left.append(g)
            if not left:
                return
            time.sleep(0.02)
