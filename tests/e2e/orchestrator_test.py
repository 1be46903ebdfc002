"""Alerts through an orchestrator: under the agents' own names, each once, whatever is killed or cut meanwhile.

The whole size, twenty agents with 5000 alerts each, runs with UNDERCOAT_WHOLE=1.
"""
import json
import os
import sqlite3
import subprocess
import unittest

from collectors import PATIENCE, RULES, Cable, Collector, Orchestrator
from harness import BUILD, INSTRUMENT, Case, wait_for

WHOLE = bool(os.environ.get('UNDERCOAT_WHOLE'))
AGENTS, ALERTS, PAUSE_US = (20, 5000, 6000) if WHOLE else (5, 600, 8000)
LOAD = BUILD / 'tests/load/agents'


def stored(collector):
    """The outputs of all alerts of load in the collector's files, as often as they are there."""
    out = []
    for file in sorted(collector.data.glob('alerts-*.db')):
        db = sqlite3.connect(f'file:{file}?mode=ro', uri=True, timeout=PATIENCE)
        out += [row[0] for row in db.execute("SELECT message FROM alerts WHERE rule = 'Load'")]
        db.close()
    return out


class Orchestrated(Case):
    def setUp(self):
        super().setUp()
        self.collector = Collector(self.dir)
        self.addCleanup(self.collector.kill)

    def orchestrate(self, **more):
        self.orchestrator = Orchestrator(self.dir, self.collector, **more)
        self.addCleanup(self.orchestrator.kill)

    def variables(self, port=None, **more):
        return {**os.environ, 'UNDERCOAT_ORCHESTRATOR': f'localhost:{port or self.orchestrator.port}',
                'UNDERCOAT_ACCESS_KEY': self.orchestrator.key, 'UNDERCOAT_CA_CERT': str(self.orchestrator.ca), **more}

    def load_command(self):
        return [LOAD]

    def load(self, agents, alerts, pause_us, spool=None, **more):
        with open(self.dir / 'load.err', 'w') as err:
            p = subprocess.Popen([*self.load_command(), spool or self.dir, str(agents), str(alerts), str(pause_us), str(240 if WHOLE else 60)],
                                 stdout=subprocess.PIPE, stderr=err, text=True, start_new_session=True, env=self.variables(**more))
        self.addCleanup(self._end, p)
        return p

    def result(self, p):
        """What the load program counted, once everything is acknowledged to it and by the collector."""
        lines = p.stdout.readlines()
        self.assertEqual(0, p.wait(PATIENCE))
        return self.counted(lines)

    def counted(self, lines):
        self.assertEqual('made\n', lines[0])
        return json.loads(lines[-1])


class Passing(Orchestrated):
    def test_changing_the_variables_is_enough_and_identities_pass(self):
        self.orchestrate()
        rules = self.dir / 'marks.yaml'
        rules.write_text(RULES)
        r = subprocess.run([INSTRUMENT, '--rules', rules, '--alerts', self.dir / 'alerts', '--', '/bin/sh', '-c',
                            '(cat /tmp/collector-mark-relayed) 2>/dev/null; true'], capture_output=True, text=True, timeout=PATIENCE,
                           env=self.variables(UNDERCOAT_SPOOL=str(self.dir / 'spool'), UNDERCOAT_TAGS='team:tests,stage:e2e'))
        self.assertEqual(0, r.returncode, r.stderr)
        wait_for(lambda: self.collector.marks() == ['/tmp/collector-mark-relayed'], 'the alert arrives', PATIENCE)
        agents = wait_for(lambda: [a for a in self.collector.get('/api/v1/agents')['agents'] if not a['relay'] and not a['connected']],
                          'the collector hears that the agent is gone', PATIENCE)
        relay = next(a for a in self.collector.get('/api/v1/agents')['agents'] if a['relay'])
        self.assertEqual(['team:tests', 'stage:e2e'], agents[0]['tags'])
        self.assertEqual((self.dir / 'spool/agent').read_text(), agents[0]['id'])
        self.assertIn('kernel', agents[0]['platform'])
        self.assertEqual(relay['id'], agents[0]['via'])
        self.assertEqual(1, agents[0]['alerts'])
        self.assertEqual((True, ['site:tests']), (relay['connected'], relay['tags']))
        wait_for(lambda: self.orchestrator.number('spool_alerts') == 0, 'the spool is empty', PATIENCE)

    def test_what_it_took_over_outlives_its_kill_and_the_agent(self):
        self.collector.kill()
        self.orchestrate()
        self.assertEqual(300, self.result(self.load(3, 100, 0))['forward_acknowledged'])
        self.assertEqual(300, self.orchestrator.number('spool_alerts'))
        self.orchestrator.kill()
        self.collector.start()
        self.orchestrator.start()
        wait_for(lambda: len(stored(self.collector)) == 300, 'all alerts arrive', PATIENCE)
        self.assertEqual(300, len(set(stored(self.collector))))
        names = {a['id']: a['connected'] for a in self.collector.get('/api/v1/agents')['agents'] if not a['relay']}
        self.assertEqual({f'load-{i}': False for i in range(3)}, names)

    def test_a_full_spool_takes_nothing_and_drops_nothing(self):
        self.collector.kill()
        self.orchestrate(options=('--spool-mb', '1'))
        p = self.load(4, 5000, 0)
        wait_for(lambda: self.orchestrator.number('spool_failures_total') > 0, 'the spool is full', PATIENCE)
        self.assertLess(self.orchestrator.number('spool_bytes'), 1 << 20)
        self.collector.start()
        counted = self.result(p)
        self.assertEqual(20_000, counted['forward_acknowledged'])
        wait_for(lambda: len(stored(self.collector)) >= 20_000, 'all alerts arrive', PATIENCE)
        self.assertEqual(20_000, len(set(stored(self.collector))))
        self.assertEqual(20_000, len(stored(self.collector)))

    def test_an_agent_that_goes_to_another_orchestrator_loses_nothing(self):
        cable = Cable(lambda: self.collector.port)
        self.addCleanup(cable.close)
        self.orchestrate(port=cable.port)
        first = self.orchestrator
        (self.dir / 'other').mkdir()
        # One certificate and one list of keys for both, as orchestrators of one name have them.
        for name in ('accounts.db', 'accounts.db-wal', 'accounts.db-shm'):
            if (first.data / name).exists():
                (self.dir / 'other/orchestrator').mkdir(exist_ok=True)
                (self.dir / 'other/orchestrator' / name).write_bytes((first.data / name).read_bytes())
        other = Orchestrator(self.dir / 'other', self.collector, options=('--cert', first.ca, '--key', first.data / 'orchestrator.key'))
        self.addCleanup(other.kill)
        way = Cable(lambda: self.orchestrator.port)
        self.addCleanup(way.close)
        cable.cut()
        p = self.load(1, 3000, 1000, port=way.port)
        wait_for(lambda: first.number('spool_alerts') > 100, 'the first orchestrator holds alerts', PATIENCE)
        self.orchestrator = other
        way.cut()
        way.mend()
        wait_for(lambda: len(stored(self.collector)) > 100, 'later alerts arrive before earlier ones', PATIENCE)
        cable.mend()
        self.assertEqual(3000, self.result(p)['forward_acknowledged'])
        wait_for(lambda: len(stored(self.collector)) >= 3000, 'the earlier ones arrive, too', PATIENCE)
        self.assertEqual(3000, len(set(stored(self.collector))))
        agent = self.collector.get('/api/v1/agents/load-0')
        self.assertEqual((3000, 0), (agent['alerts'], agent['missing']))


class Delivery(Orchestrated):
    def test_each_alert_is_stored_once_though_everything_is_killed_and_cut_in_turn(self):
        upper = Cable(lambda: self.collector.port)
        self.addCleanup(upper.close)
        self.orchestrate(port=upper.port)
        lower = Cable(lambda: self.orchestrator.port)
        self.addCleanup(lower.close)
        p = self.load(AGENTS, ALERTS, PAUSE_US, port=lower.port)
        turns = 0

        def restart(program):
            program.kill()
            program.start()

        troubles = [lambda: restart(self.collector), lambda: restart(self.orchestrator), upper.cut, upper.mend, lower.cut, lower.mend,
                    lambda: (self.collector.kill(), self.orchestrator.kill(), self.collector.start(), self.orchestrator.start())]
        making = True
        while making:
            before = len(stored(self.collector))
            troubles[turns % len(troubles)]()
            turns += 1
            if upper.whole and lower.whole:
                wait_for(lambda: p.poll() is not None or len(stored(self.collector)) > before or len(stored(self.collector)) == AGENTS * ALERTS,
                         'alerts go on arriving', PATIENCE)
            making = len(stored(self.collector)) < AGENTS * ALERTS * 0.8 or turns < len(troubles)
        upper.mend(), lower.mend()
        counted = self.result(p)
        total = AGENTS * ALERTS
        self.assertEqual(total, counted['taken'])
        self.assertEqual([], [n for n in counted if 'drops' in n and counted[n]], 'drops below the spool size')
        self.assertEqual(total, counted['forward_acknowledged'])
        wait_for(lambda: len(stored(self.collector)) >= total, 'all alerts arrive', PATIENCE)
        self.assertEqual(sorted(f'load-{a} {n}' for a in range(AGENTS) for n in range(ALERTS)), sorted(stored(self.collector)))
        print(f'{total} alerts of {AGENTS} agents, {turns} kills and cuts, each stored once')

    def test_what_a_small_spool_cannot_hold_is_counted_by_name(self):
        self.orchestrate()
        self.orchestrator.kill()
        p = self.load(1, 8000, 0, UNDERCOAT_SPOOL_MB='1')
        self.assertEqual('made\n', p.stdout.readline())
        self.orchestrator.start()
        counted = json.loads(p.stdout.read())
        dropped = {n: v for n, v in counted.items() if n.startswith('forward_drops') and v}
        self.assertTrue(dropped)
        self.assertIn('forward_drops_spool_full_debug', dropped)
        self.assertNotIn('forward_drops_spool_full_emergency', dropped)
        wait_for(lambda: len(stored(self.collector)) + sum(dropped.values()) >= 8000, 'the others arrive', PATIENCE)
        self.assertEqual(8000, len(set(stored(self.collector))) + sum(dropped.values()))
        self.assertEqual(len(set(stored(self.collector))), len(stored(self.collector)))


if __name__ == '__main__':
    unittest.main()
