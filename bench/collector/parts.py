"""What is measured, each part a generator of figures: name, value, unit, aim (or none), higher_is_better, note.

Must stay true: every figure is a median of repeated runs, with the worst beside it; what did not work raises.
"""
import http.client
import json
import resource
import ssl
import statistics
import time
import urllib.parse

from searches import searches
from stores import PATIENCE, Measured

SOURCES = 20           # agents that send at the same time
STORING = 600          # seconds: what is acknowledged is stored
SETTLED = 40           # seconds: each idle agent has beaten and has been pinged
WEEK = 7 * 24 * 3600


def figure(name, value, unit, aim=None, higher_is_better=False, note=''):
    return {'name': name, 'value': round(value, 2), 'unit': unit, 'aim': aim, 'higher_is_better': higher_is_better, 'note': note}


def sent(collector, alerts, rounds, spread=0):
    """The rounds' alerts a second, and how many of them a second were acknowledged: a backbone acknowledges before they are stored."""
    stored, acknowledged, before = [], [], Client(collector).stored()
    with collector.load('alerts', SOURCES, alerts, rounds, spread) as p:
        for n, r in enumerate(map(json.loads, p.stdout), 1):
            began = time.monotonic() - r['seconds']
            acknowledged.append(r['alerts'] / r['seconds'])
            client = Client(collector)
            while client.stored() - before < n * r['alerts']:
                if time.monotonic() - began > STORING:
                    raise AssertionError(f'not everything is stored within {STORING} s')
                time.sleep(0.05)
            stored.append(r['alerts'] / (time.monotonic() - began))
    if p.returncode or len(stored) != rounds:
        raise ChildProcessError(f'the load ended with {p.returncode}: {collector.said()}')
    return stored, acknowledged


def ingest(store, o, scratch):
    collector = Measured(store, scratch / 'ingest')
    try:
        used = collector.processor_time()
        rounds = [sent(collector, o.batch, 1) for _ in range(o.rounds)]  # one after the other: making alerts must not compete with a drain
        stored, acknowledged = ([r[i][0] for r in rounds] for i in (0, 1))
        used = (collector.processor_time() - used) / o.batch / o.rounds
        numbers = collector.get('/api/v1/status')['numbers']
        if numbers['alerts_duplicate_total'] or numbers['alerts_missing_total']:
            raise AssertionError(f'not each alert is there once: {numbers}')
        yield figure('alerts stored a second', statistics.median(stored), '/s', store.aim, True, f'worst round {min(stored):.0f}')
        if store.name == 'nats':
            yield figure('alerts acknowledged a second', statistics.median(acknowledged), '/s', None, True, f'worst round {min(acknowledged):.0f}')
        yield figure("collector's processor time for an alert", used * 1e6, 'us')
        yield figure('bytes on the disk for an alert', numbers['store_bytes'] / numbers['store_alerts'], 'B')
        yield figure('memory of the collector, at most', collector.memory('VmHWM'), 'MiB')
        collector.end()
    finally:
        collector.kill()


class Client:
    """Asks on one connection, as a browser does."""

    def __init__(self, collector):
        self.headers = {'Authorization': 'Bearer ' + collector.api_key}
        context = ssl.create_default_context(cafile=str(collector.ca))
        self.connection = http.client.HTTPSConnection('localhost', collector.port, context=context, timeout=PATIENCE)

    def ask(self, path, parameters):
        """Milliseconds, and the answer."""
        began = time.monotonic()
        self.connection.request('GET', path + '?' + urllib.parse.urlencode(parameters), headers=self.headers)
        answer = self.connection.getresponse()
        body = answer.read()
        took = (time.monotonic() - began) * 1000
        if answer.status != 200:
            raise AssertionError(f'{path} {parameters}: {answer.status} {body}')
        return took, json.loads(body)

    def stored(self):
        return self.ask('/api/v1/status', {})[1]['numbers']['alerts_stored_total']


def search(store, o, scratch):
    directory = o.keep / store.name / 'search' if o.keep else scratch / 'search'
    collector = Measured(store, directory)
    try:
        there = collector.get('/api/v1/status')['numbers']['store_alerts']
        if there < o.alerts:
            rounds = -(-(o.alerts - there) // 500_000)
            sent(collector, (o.alerts - there) // rounds, rounds, WEEK)
        client = Client(collector)
        for s in searches(client, o.alerts):
            asked = [client.ask(s.path, s.parameters) for _ in range(o.rounds)]
            times, answer = [t for t, _ in asked], asked[-1][1]
            s.check(answer)
            partial = '' if answer.get('complete', True) else ', not complete'
            yield figure(s.name, statistics.median(times), 'ms', s.aim, False, f'worst {max(times):.0f}, {s.found(answer)}{partial}')
        client.connection.close()
        collector.end()
    finally:
        collector.kill()


def idle(store, o, scratch):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # for the load, which inherits it
    collector = Measured(store, scratch / 'idle')
    try:
        before = collector.memory()
        with collector.load('idle', o.agents, stdin=-1) as p:
            if p.stdout.readline() != 'connected\n':
                raise ChildProcessError(f'the agents do not come: {collector.said()}')
            end, most = time.monotonic() + (2 if o.quick else SETTLED), 0
            while time.monotonic() < end:
                most = max(most, collector.memory())
                time.sleep(0.2)
            numbers = collector.get('/api/v1/status')['numbers']
            if numbers['agents_connected'] != o.agents:
                raise AssertionError(f"{numbers['agents_connected']} of {o.agents} agents are connected")
            p.stdin.close()
        yield figure(f'memory with {o.agents} idle agents', most, 'MiB', 200, False, f'{(most - before) * 1024 / o.agents:.0f} KiB for each')
        collector.end()
    finally:
        collector.kill()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


PARTS = {'ingest': ingest, 'idle': idle, 'search': search}
