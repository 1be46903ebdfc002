"""Workloads: the entries of workloads.toml as objects.

Must stay true: names are unique; every key of an entry is a field of Workload; `like` takes what is not given from another entry.
"""
import dataclasses
import pathlib
import tomllib

FILE = pathlib.Path(__file__).with_name('workloads.toml')
GROUPS = {'calls': 'Calls', 'programs': 'Programs', 'servers': 'Servers', 'quota': 'A quarter of a CPU',
          'outer filter': 'Below a filter like Docker\'s', 'growth': 'How cost grows'}


@dataclasses.dataclass(frozen=True)
class Workload:
    """`driver`: loop (bench/overhead/programs/loops.c), command (run `count` times by stopwatch.c) or server (with a `load` from outside).
    `count`: operations, runs or requests of a sample; `slow_count`: those of the slow baselines. `aim`: {mode: ratio}.
    `quota`: CPUs the run may use. `rules`: that many made rules instead of the usual ones. `outer`: below a filter like Docker's.
    `every`: takes part in each so-many-th round. `modes`: only these. `execs`: it executes programs, so that what sees only executions
    applies. `blind`: modes that see nothing of it by design. `series`, `at`: the variable that grows, and its value here."""
    name: str
    group: str
    driver: str
    case: str = ''
    command: tuple = ()
    server: str = ''
    load: str = ''
    count: int = 1
    slow_count: int = 1
    warm_ups: int = 1
    processes: int = 1
    threads: int = 1
    rules: int = -1
    quota: float = None
    outer: bool = False
    every: int = 1
    modes: tuple = ()
    aim: dict = dataclasses.field(default_factory=dict)
    execs: bool = False
    blind: tuple = ()
    series: str = ''
    at: int = 0

    @property
    def higher_is_better(self):
        return self.driver == 'server'

    def runs_under(self, mode):
        return (not self.modes or mode.name in self.modes) and (mode.sees == 'all' or self.execs)

    def takes_part(self, mode, number):
        """Whether it runs in this mode in this round. The slow baselines take part in each fourth round."""
        return self.runs_under(mode) and number % (self.every * (4 if mode.slow else 1)) == 0


def load(file=FILE):
    """All workloads, by name."""
    data = tomllib.loads(pathlib.Path(file).read_text())
    raw, made = {}, {}

    def add(entry):
        base = dict(raw[entry['like']]) if 'like' in entry else {}
        if base:
            base.pop('aim', None)
        merged = {**base, **{k: v for k, v in entry.items() if k != 'like'}}
        raw[merged['name']] = merged
        if merged['name'] in made:
            raise ValueError(f"{file}: two workloads are called '{merged['name']}'")
        made[merged['name']] = Workload(**{k: tuple(v) if isinstance(v, list) else v for k, v in merged.items()})

    for entry in data.get('workload', []):
        add(entry)
    for b in data.get('below', []):
        for name in b['of']:
            add({'like': name, 'name': f'{name}, outer filter', 'outer': b['filter'], 'aim': raw[name].get('aim', {}),
                 **{k: b[k] for k in ('group', 'every', 'modes')}})
    for g in data.get('grow', []):
        for value in g['values']:
            key = {'events': 'count'}.get(g['by'], g['by'])
            add({'like': g['like'], 'name': f"{g['like']}, {value} {g['by']}", 'group': 'growth', key: value, 'series': g['by'], 'at': value,
                 **{k: g[k] for k in ('every', 'modes')}})
    return made
