"""The order of the runs: in each round every workload, and for it every mode, native first and last, the others in an order that moves on.

Must stay true: only figures of the same round are compared; the file is written after each workload of a round, so that a run that was
stopped goes on with --resume; a mode that fails twice with a workload is not tried again, and the result names it.
"""
import json
import os
import pathlib
import sys
import time

import drivers
import fixtures

GIVE_UP = 2


class Result:
    """What is stored. samples: {workload: {mode: {round: [sample, ...]}}}; broken: {workload: {mode: [text, ...]}}; missing: {workload: text}."""

    def __init__(self, file, machine, resume=False):
        self.file = pathlib.Path(file)
        self.data = {'format': 1, 'machine': machine, 'rounds': 0, 'seconds': 0, 'samples': {}, 'broken': {}, 'missing': {}, 'extras': {}, 'done': []}
        if resume and self.file.exists():
            old = json.loads(self.file.read_text())
            for key in ('kernel', 'cpus', 'commit'):
                if old['machine'].get(key) != machine.get(key):
                    raise SystemExit(f"bench: {file} was measured with {key} {old['machine'].get(key)}, here it is {machine.get(key)}: "
                                     'no --resume, or another --json FILE')
            self.data = old

    def add(self, workload, mode, number, sample):
        self.data['samples'].setdefault(workload, {}).setdefault(mode, {}).setdefault(str(number), []).append(sample)

    def failed(self, workload, mode, text):
        self.data['broken'].setdefault(workload, {}).setdefault(mode, []).append(text)

    def gave_up(self, workload, mode):
        return len(self.data['broken'].get(workload, {}).get(mode, [])) >= GIVE_UP

    def save(self):
        self.file.parent.mkdir(parents=True, exist_ok=True)
        new = self.file.with_name(self.file.name + '.new')
        new.write_text(json.dumps(self.data, separators=(',', ':')) + '\n')
        os.replace(new, self.file)


class Clock:
    """What is left of the budget; `spent` is what runs before this one have used of it."""

    def __init__(self, minutes, spent=0.0):
        self.began, self.spent, self.limit = time.monotonic(), spent, minutes * 60 if minutes else None

    def elapsed(self):
        return time.monotonic() - self.began + self.spent

    def over(self, needed=0.0):
        return self.limit is not None and self.elapsed() + needed > self.limit


def order(modes, number):
    """Native first and last; what stands first among the others changes from round to round."""
    others = [m for m in modes if m.name != 'native']
    native = [m for m in modes if m.name == 'native']
    turn = number % len(others) if others else 0
    return [*native, *others[turn:], *others[:turn], *(native if others else [])]


def one(place, workload, modes, number, result):
    """A workload's share of a round."""
    wanted = [m for m in modes if workload.takes_part(m, number) and not result.gave_up(workload.name, m.name)]
    for mode in order(wanted, number):
        try:
            result.add(workload.name, mode.name, number, drivers.run(place, workload, mode))
        except fixtures.Missing as e:
            result.data['missing'][workload.name] = str(e)
            return
        except (RuntimeError, OSError, ValueError) as e:
            result.failed(workload.name, mode.name, str(e))
            print(f'\nbench: {workload.name}, {mode.title}: {e}', file=sys.stderr)


def rounds(place, workloads, modes, count, clock, result):
    """Runs up to `count` rounds, as many as the clock allows. A workload begins only if it will probably end in time."""
    lasted = {}
    for number in range(count):
        for w in workloads:
            mark = f'{number}:{w.name}'
            if number % w.every or mark in result.data['done'] or w.name in result.data['missing']:
                continue
            if clock.over(lasted.get(w.name, 0)):
                return
            print(f'\r\033[Kround {number + 1} of {count}, {clock.elapsed():.0f} s: {w.name}', end='', file=sys.stderr, flush=True)
            began = time.monotonic()
            one(place, w, modes, number, result)
            lasted[w.name] = time.monotonic() - began
            result.data['done'].append(mark)
            result.data['seconds'] = clock.elapsed()
            result.data['rounds'] = number + 1
            result.save()
