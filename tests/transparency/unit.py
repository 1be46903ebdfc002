"""A unit: one command of a suite, which yields results of tests by name.

Must stay true: results say nothing that differs between two native runs (times, pids, addresses): a suite leaves such out.
"""
import dataclasses
import os
import pathlib
import shutil
from typing import Callable

UNFINISHED = 'did not finish'


def written_results(outcome, where):
    """Lines NAME<tab>RESULT that the command wrote to $TRANSPARENCY_RESULTS; a later line about a test replaces an earlier one."""
    file = pathlib.Path(where) / 'results'
    found = {}
    for line in file.read_text(errors='replace').splitlines() if file.exists() else ():
        name, _, result = line.partition('\t')
        found[name] = UNFINISHED if result == 'begun' else result
    return found


@dataclasses.dataclass
class Unit:
    """`command(place, tests)` gives the argument vector; `tests` is None for all, or the names wanted where `selects` is true.
    `read(outcome, where)` gives {test: result}. `user`, `root`: whether it runs as an ordinary user, as root. `fast`: the users, root or nobody, as which it belongs to the short run."""
    suite: str
    name: str
    command: Callable
    seconds: int = 120
    read: Callable = written_results
    selects: bool = False
    user: bool = False
    root: bool = True
    fast: tuple = ()
    needs: tuple = ()
    sources: tuple = ()  # source packages of Debian
    env: dict = dataclasses.field(default_factory=dict)

    def missing(self, place):
        """Programs, files and sources that this unit needs and that are not there."""
        path = '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
        return [n for n in self.needs if not (os.path.exists(n) if '/' in n else shutil.which(n, path=path))] + \
            [f'source of {s}' for s in self.sources if s not in place.trees]
