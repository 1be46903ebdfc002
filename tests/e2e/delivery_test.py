"""Delivery across machines: agents, orchestrator and collector have a network each and disks of their own; all of it fails in turn, and every
alert is in the store once.

The whole size, twenty agents with 5000 alerts each and every trouble several times, runs with UNDERCOAT_WHOLE=1: script/test delivery.
"""
import threading
import unittest

from collectors import PATIENCE
from harness import wait_for
from orchestrator_test import LOAD, WHOLE, Orchestrated
from places import Link, Place, PlacedCollector, PlacedOrchestrator, why_not

AGENTS, ALERTS, PAUSE_US, ROUNDS = (20, 5000, 25_000, 4) if WHOLE else (5, 1000, 20_000, 1)
COLLECTOR_DISK, ORCHESTRATOR_DISK = (400, 200) if WHOLE else (60, 60)  # megabytes
MUCH = 40_000 if WHOLE else 10_000  # bytes that have to wait somewhere before a trouble is over


class Placed(Orchestrated):
    """agents —10.77.1.0/24— orchestrator —10.77.2.0/24— collector."""

    def setUp(self):
        super(Orchestrated, self).setUp()
        if why := why_not():
            self.skipTest(why)
        self.agents, self.middle, self.top = (self.place() for _ in range(3))
        self.lower, self.upper = Link(self.agents, self.middle, 1), Link(self.middle, self.top, 2)
        self.collector = PlacedCollector(self.dir, self.top, '10.77.2.2', COLLECTOR_DISK)
        self.addCleanup(self.collector.close)
        self.orchestrator = PlacedOrchestrator(self.dir, self.collector, self.middle, '10.77.1.2', ORCHESTRATOR_DISK)
        self.addCleanup(self.orchestrator.kill)
        self.made = threading.Event()

    def place(self):
        p = Place()
        self.addCleanup(p.leave)
        return p

    def load_command(self):
        return self.agents.inside(LOAD)

    def variables(self, port=None, **more):
        return {**super().variables(port), 'UNDERCOAT_ORCHESTRATOR': f'10.77.1.2:{self.orchestrator.port}', **more}

    # What waits where: what a trouble must bring about.

    def until_more(self, number, of_what):
        """Until number() has grown by MUCH; or there is nothing more to come, as everything is made."""
        before = number()
        wait_for(lambda: self.made.is_set() or number() > before + MUCH, of_what, PATIENCE)

    def agents_hold_more(self):
        self.until_more(lambda: self.agents.used(self.dir / 'spools'), "alerts wait in the agents' spools")

    def orchestrator_holds_more(self):
        self.until_more(lambda: self.middle.used(self.orchestrator.data), 'alerts wait in the orchestrator')

    # The troubles.

    def collector_killed(self):
        self.collector.kill()
        self.orchestrator_holds_more()
        self.collector.start()

    def orchestrator_killed(self):
        self.orchestrator.kill()
        self.agents_hold_more()
        self.orchestrator.start()

    def both_killed(self):
        self.orchestrator.kill()
        self.collector.kill()
        self.agents_hold_more()
        self.collector.start()
        self.orchestrator.start()

    def lower_link_cut(self):
        self.lower.cut()
        self.agents_hold_more()
        self.lower.mend()

    def upper_link_cut(self):
        self.upper.cut()
        self.orchestrator_holds_more()
        self.upper.mend()

    def disk_filled(self, program, killed=False):
        place = program.place
        already = program.said().count('It is tried again')
        if program is self.orchestrator:
            self.upper.cut()  # else what is brought away makes room in its files

        def refused():
            place.fill(program.data)
            return self.made.is_set() or program.said().count('It is tried again') > already

        wait_for(refused, f'the disk of the {program.name} is full', PATIENCE)
        self.full_disks += program.said().count('It is tried again') > already
        if killed:
            program.kill()
        self.upper.mend()
        place.free(program.data)
        if killed:
            program.start()

    def troubles(self):
        yield 'disk of the collector', lambda: self.disk_filled(self.collector)
        yield 'disk of the orchestrator', lambda: self.disk_filled(self.orchestrator)
        yield 'lower link', self.lower_link_cut
        yield 'collector killed', self.collector_killed
        yield 'upper link', self.upper_link_cut
        yield 'orchestrator killed', self.orchestrator_killed
        if WHOLE:
            yield 'collector killed with a full disk', lambda: self.disk_filled(self.collector, killed=True)
            yield 'both killed', self.both_killed
            yield 'orchestrator killed with a full disk', lambda: self.disk_filled(self.orchestrator, killed=True)


class Delivery(Placed):
    def test_each_alert_is_stored_once_whatever_fails(self):
        self.full_disks = 0
        (self.dir / 'spools').mkdir()
        p = self.load(AGENTS, ALERTS, PAUSE_US, spool=self.dir / 'spools')
        lines = []
        reader = threading.Thread(target=lambda: [(lines.append(line), self.made.set()) for line in p.stdout])
        reader.start()
        done = []
        for _ in range(ROUNDS):
            for name, trouble in self.troubles():
                before = self.collector.count()
                trouble()
                wait_for(lambda: self.made.is_set() or self.collector.count() > before, f'alerts arrive again after: {name}', PATIENCE)
                done += [] if self.made.is_set() else [name]
        reader.join(PATIENCE * 4)
        self.assertEqual(0, p.wait(PATIENCE), (self.dir / 'load.err').read_text()[-2000:])
        counted = self.counted(lines)
        total = AGENTS * ALERTS
        self.assertEqual(total, counted['taken'])
        self.assertEqual({}, {n: v for n, v in counted.items() if 'drops' in n and v}, 'drops below the spool size')
        self.assertEqual(total, counted['forward_acknowledged'])
        wait_for(lambda: self.collector.count() >= total, 'all alerts arrive', PATIENCE)
        self.assertEqual(sorted(f'load-{a} {n}' for a in range(AGENTS) for n in range(ALERTS)), sorted(self.collector.stored()))
        self.assertGreaterEqual(self.full_disks, 1, 'no disk was full while alerts came')
        print(f'{total} alerts of {AGENTS} agents, each stored once; meanwhile: ' + ', '.join(done))


if __name__ == '__main__':
    unittest.main()
