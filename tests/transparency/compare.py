"""Runs a unit natively and in the other ways, and judges each test.

A test differs if its result is not the native one. Then it runs natively several times more, every other time beside a process that uses
a core, as our supervisor does: a test whose native result is not always the same `varies`. What remains is run again in the same way, and
said with how often it differed: one difference that no native run showed is a difference.
"""
import contextlib
import dataclasses
import fnmatch
import subprocess
import sys

import ways
from unit import UNFINISHED

NATIVE_RETRIES, RETRIES = 6, 3
ABSENT = 'no result'


@dataclasses.dataclass
class Verdict:
    """One test of one unit and user in one way. `kind`: same, varies, excepted, differs."""
    unit: object
    user: bool
    way: str
    test: str
    kind: str
    native: str
    ours: str
    often: str = ''
    text: str = ''


@contextlib.contextmanager
def beside_a_busy_process(wanted):
    if not wanted:
        yield
        return
    spinner = subprocess.Popen([sys.executable, '-c', 'while True: pass'])
    try:
        yield
    finally:
        spinner.kill()
        spinner.wait()


class Comparison:
    def __init__(self, place, unit, user, exceptions):
        self.place, self.unit, self.user, self.exceptions = place, unit, user, exceptions
        self.seconds = {}
        self.native = {}  # test: set of results
        self.first = {}

    def run(self, way, tests=None):
        where = self.place.directory(self.user)
        try:
            # Ptrace makes each call dearer; a deadline that fits natively must not be a difference.
            seconds = self.unit.seconds * (1 if way == 'native' else 2)
            command = self.unit.command(self.place, tests if self.unit.selects else None)
            outcome = self.place.run(way, command, where, self.user, seconds, self.unit.env)
            results = self.unit.read(outcome, where)
            if not tests:
                self.seconds[way] = outcome.seconds
                results['(end)'] = UNFINISHED if outcome.status is None else f'status {outcome.status}'
            return results, outcome
        finally:
            self.place.remove(where)

    def exception(self, way, test):
        for e in self.exceptions:
            if e['suite'] == self.unit.suite and way in e['ways'] and fnmatch.fnmatchcase(f'{self.unit.name}: {test}', e['test']) \
                    and e.get('user', self.user) == self.user:
                return e
        return None

    def selected(self, tests):
        """What to ask of a unit that can select: a test that belongs to no name of its own means all of it."""
        return None if '(end)' in tests or not self.unit.selects else sorted(tests)

    def compare(self, wanted):
        self.first, outcome = self.run('native')
        if len(self.first) < 2:
            return [Verdict(self.unit, self.user, 'native', '(all)', 'differs', 'no test', '', '', outcome.out[-3000:] + outcome.err[-3000:])]
        self.native = {t: {r} for t, r in self.first.items()}
        verdicts = []
        for way in wanted:
            ours, outcome = self.run(way)
            different = {t for t in {*self.first, *ours} if ours.get(t, ABSENT) != self.first.get(t, ABSENT)}
            verdicts += [Verdict(self.unit, self.user, way, t, 'same', r, r) for t, r in self.first.items() if t not in different]
            verdicts += self.judge(way, different, ours, outcome)
        return verdicts

    def judge(self, way, different, ours, outcome):
        excepted = {t for t in different if self.exception(way, t)}
        # The end of a unit is its exceptions' end, too.
        open_ones = different - excepted
        again = {t for t in open_ones if len(self.native.get(t, ())) < 2}
        for i in range(NATIVE_RETRIES if again else 0):
            with beside_a_busy_process(i % 2):
                results, _ = self.run('native', self.selected(again))
            for t in again:
                self.native.setdefault(t, {ABSENT}).add(results.get(t, ABSENT))
            again = {t for t in again if len(self.native[t]) < 2}
            if not again:
                break
        counts = {t: 1 for t in again}
        for _ in range(RETRIES - 1 if again else 0):
            results, _ = self.run(way, self.selected(again))
            for t in again:
                counts[t] += results.get(t, ABSENT) not in self.native[t]
        verdicts = []
        for t in sorted(different):
            kind = 'excepted' if t in excepted else 'differs' if t in again else 'varies'
            often = f'{counts[t]} of {RETRIES}' if t in counts else ''
            verdicts.append(Verdict(self.unit, self.user, way, t, kind, self.first.get(t, ABSENT), ours.get(t, ABSENT), often,
                                    outcome.out[-1500:] + outcome.err[-6000:] if kind == 'differs' else ''))
        return verdicts


def default_ways():
    return [w for w in ways.WAYS if w != 'native']
