"""Runs one workload in one mode once and returns a sample: seconds and CPU seconds per operation, peak memory in bytes.

The time of batch work is taken inside the run, from the first operation after the warm-up to the last: what our start costs is measured
on its own (bench/overhead/extras.py). CPU time goes from the same moment to the end of everything, ours included, less what a run that does
nothing uses from there on (`ends`): our own end is paid once, not per operation. A server's goes from the end of the warm-up until nobody has
anything left to do.

Must stay true: nothing outlives a run; every run has a deadline; a run that fails is an exception with its last words, never a figure.
"""
import contextlib
import json
import os
import pathlib
import signal
import statistics
import subprocess
import tempfile

import cell
import modes
import servers
import workload as workloads
from fixtures import free_port

DEADLINE = 60


class Place:
    """Fixtures, rules and control groups that all runs share."""

    def __init__(self, fixtures, groups):
        self.fixtures, self.groups, self.ends = fixtures, groups, {}
        self.rules, self.rules_title = modes.rules(fixtures.bundle)
        fixtures.server_js = fixtures.scratch / 'server.js'
        fixtures.server_js.write_text((pathlib.Path(__file__).parent / 'programs/server.js').read_text())

    def rules_of(self, workload):
        if workload.rules < 0:
            return self.rules
        file = self.fixtures.scratch / f'rules-{workload.rules}.yaml'
        return [file if file.exists() else modes.many_rules(file, workload.rules)]

    def command(self, workload, mode, program, alerts='/dev/null'):
        outer = [self.fixtures.program('outer_filter')] if workload and workload.outer else []
        rules = self.rules_of(workload) if workload else self.rules
        return [*outer, *mode.command(self.fixtures.agent, rules, alerts), *program]

    def environment(self, mode, extra):
        return {'PATH': '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME': '/root',
                'UNDERCOAT_PRIORITY': 'security', **dict(mode.env), **extra}


def start(place, workload, mode, program, extra, box, errors, alerts='/dev/null', out=subprocess.DEVNULL):
    """Starts it in its cell; what it prints to standard error goes to the file `errors`. `workload` None: the usual rules, no outer filter."""
    entered, more = box.enter(place.command(workload, mode, program, alerts))
    env = place.environment(mode, {**extra, **more})
    preload = env.pop('LD_PRELOAD', None)
    if preload:  # for the program alone, not for the shell that enters the groups
        entered = [*entered[:4], 'env', f'LD_PRELOAD={preload}', *entered[4:]]
    return subprocess.Popen(entered, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=errors,
                            cwd=place.fixtures.scratch, start_new_session=True)


def batch(place, workload, mode):
    count = workload.slow_count if mode.slow else workload.count
    if workload.driver == 'loop':
        program = [place.fixtures.program('loops'), workload.case, str(count), str(workload.processes), str(workload.threads)]
    else:
        program = [place.fixtures.program('stopwatch'), str(count), str(0 if mode.slow else workload.warm_ups),
                   *(place.fixtures.fill(c) for c in workload.command)]
    with tempfile.TemporaryFile() as errors, tempfile.NamedTemporaryFile(dir=place.fixtures.scratch) as report:
        box = cell.Cell(place.groups, workload.quota)
        try:
            usage, before = box.usage_file(), box.cpu()
            p = start(place, workload, mode, program, {'BENCH_REPORT': report.name, 'BENCH_USAGE': str(usage or '')}, box, errors)
            status = wait(p)
            said = pathlib.Path(report.name).read_text()
            if status or not said:
                raise RuntimeError(last_words(f'status {status}', errors))
            r = json.loads(said)
            began = cell.usage_of(r['usage']) if r['usage'] else before
            used = max(0.0, box.cpu() - began - place.ends.get(mode.name, 0.0))
            return sample(r['seconds'] / r['units'], used / r['units'], box.peak)
        finally:
            box.close()


def calibrate(place, chosen, repeats):
    """Measures what the end of a run costs in each of these modes."""
    nothing = workloads.Workload(name='nothing', group='calls', driver='loop', case='openat_close')
    for mode in chosen:
        if mode.sees == 'all':
            place.ends[mode.name] = statistics.median(batch(place, nothing, mode)['cpu'] for _ in range(repeats))


def served(place, workload, mode):
    port = free_port()
    program = servers.SERVERS[workload.server](place.fixtures, port)
    warm, load = servers.LOADS[workload.load]
    with tempfile.TemporaryFile() as errors:
        box = cell.Cell(place.groups, workload.quota)
        try:
            p = start(place, workload, mode, program, {}, box, errors)
            try:
                servers.wait_until_ready(p, workload.server, port)
                warm(port)
                before = box.settled()
                requests, seconds, latency = load(port, workload.slow_count if mode.slow else workload.count)
                used = box.settled() - before
            except (RuntimeError, OSError, subprocess.TimeoutExpired) as e:
                raise RuntimeError(last_words(str(e), errors)) from e
            result = sample(seconds / requests, used / requests, box.peak, latency)
            stop(p, box, mode)
            return result
        finally:
            box.close()


def sample(seconds, cpu, memory, latency=None):
    return {'seconds': seconds, 'cpu': cpu, 'memory': memory, **({'latency': latency} if latency is not None else {})}


def wait(process, seconds=DEADLINE):
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return f'none within {seconds} s'


def stop(process, box, mode, seconds=5):
    """Asks the server to end; whatever is left then is ended by the cell. A baseline does not pass a signal on: its child is asked."""
    children = pathlib.Path(f'/proc/{process.pid}/task/{process.pid}/children')
    asked = [int(c) for c in children.read_text().split()] if mode.prefix and children.exists() else [process.pid]
    for pid in asked:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        box.end()
        process.wait()


def last_words(what, errors):
    errors.seek(0)
    text = errors.read().decode(errors='replace').strip()
    return f'{what}: {text[-300:]}' if text else what


def run(place, workload, mode):
    return (served if workload.driver == 'server' else batch)(place, workload, mode)
