"""The ways of running a program that are compared: the command that stands before it and the environment it gets.

Must stay true: `native` adds nothing; every mode of ours gets the same rules and sends its alerts nowhere; a mode whose tool is missing
is left out and named.
"""
import dataclasses
import os
import pathlib
import shutil

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get('UNDERCOAT_BUILD', ROOT / 'build'))
SNOOPY = '/usr/lib/x86_64-linux-gnu/libsnoopy.so'
OFFICIAL = [ROOT.parent / 'shared/rules' / f for f in ('falco_rules.yaml', 'falco-incubating_rules.yaml', 'falco-sandbox_rules.yaml')]


@dataclasses.dataclass(frozen=True)
class Mode:
    """`options`: instrument's, where it is a mode of ours; else `prefix` is the command before the program. `slow`: a baseline that makes
    calls many times as dear; it does less work in fewer rounds. `sees`: `all`, or `exec` if it sees executions alone."""
    name: str
    title: str
    options: tuple = None
    prefix: tuple = ()
    env: tuple = ()
    slow: bool = False
    sees: str = 'all'
    needs: str = ''

    def available(self):
        return not self.needs or os.path.exists(self.needs) or shutil.which(self.needs) is not None

    def command(self, agent, rules, alerts='/dev/null'):
        """The command before the program. `agent`: path of `instrument`; `rules`: files; `alerts`: where alerts go."""
        if self.options is None:
            return [str(p) for p in self.prefix]
        chosen = [str(x) for r in rules for x in ('--rules', r)]
        return [str(agent), '--log', 'error', '--alerts', str(alerts), *chosen, *self.options, '--']


MODES = {m.name: m for m in (
    Mode('native', 'native'),
    Mode('preload', 'preload', options=('--mode', 'preload')),
    Mode('notify', 'full (notify)', options=('--mode', 'full', '--trap', 'notify')),
    Mode('ptrace', 'full (ptrace)', options=('--mode', 'full', '--trap', 'ptrace')),
    Mode('trap', 'trap', options=('--mode', 'trap', '--trap', 'notify')),
    Mode('ptrace-all', 'plain ptrace', prefix=(BUILD / 'bench/ptrace_all',), slow=True, needs=str(BUILD / 'bench/ptrace_all')),
    Mode('strace', 'strace -f', prefix=('strace', '-f', '-qq', '-o', '/dev/null'), slow=True, needs='strace'),
    Mode('strace-seccomp', 'strace -f --seccomp-bpf', prefix=('strace', '-f', '--seccomp-bpf', '-qq', '-o', '/dev/null', '-e',
                                                             'trace=%file,%network,%process'), slow=True, needs='strace'),
    Mode('snoopy', 'snoopy', env=(('LD_PRELOAD', SNOOPY),), sees='exec', needs=SNOOPY),
)}


def rules(bundle):
    """The official rules where they are, else the packs of the bundle; with what to call them."""
    if OFFICIAL[0].exists():
        return [f for f in OFFICIAL if f.exists()], 'the official Falco rules'
    return sorted((pathlib.Path(bundle) / 'rules').glob('*.yaml')), 'the packs of the bundle'


def many_rules(file, count):
    """Writes `count` different rules on opened files that no workload here fulfils, as a service with many of its own would have."""
    lines = []
    for i in range(count):
        lines.append(f'- rule: Bench rule {i}\n  desc: made for the bench\n'
                     f'  condition: evt.type in (open, openat, openat2) and fd.name startswith /srv/secret-{i}/ and proc.name != reader-{i}\n'
                     f'  output: opened (file=%fd.name)\n  priority: NOTICE\n')
    pathlib.Path(file).write_text(''.join(lines) or '[]\n')
    return file
