"""Rules that the collector hands down: checked there, applied live, kept for a start without it, also through an orchestrator."""
import json
import os
import signal
import subprocess
import unittest

from collectors import PATIENCE, Collector, Orchestrator
from harness import BUNDLE, INSTRUMENT, Case, supervisor_of, wait_for


def rule(name, mark, output='marked (file=%fd.name)'):
    return f'''
- rule: {name}
  desc: a file with a mark was opened
  condition: evt.type in (open, openat, openat2) and evt.dir=< and fd.name startswith /tmp/above-{mark}
  output: {output}
  priority: WARNING
'''


class FromAbove(Case):
    def setUp(self):
        super().setUp()
        (self.dir / 'own.yaml').write_text(rule('Own rule', 'own'))
        self.collector = Collector(self.dir)
        self.addCleanup(self.collector.kill)
        self.admin = subprocess.run([BUNDLE / 'bin/collector', '--data', self.collector.data, 'key', 'add', 'admin', '--role', 'admin'],
                                    capture_output=True, text=True, check=True).stdout.strip()

    def push(self, name, text, scope=''):
        """Status and answer of an upload."""
        return self.collector.put('/api/v1/rulesets/' + name, self.admin, {'scope': scope, 'files': [{'name': name + '.yaml', 'content': text}]})

    def start(self, server=None, spool='spool', **more):
        """A workload that opens the files it is told and says when it has."""
        server = server or self.collector
        variable = 'UNDERCOAT_ORCHESTRATOR' if isinstance(server, Orchestrator) else 'UNDERCOAT_COLLECTOR'
        with open(self.dir / 'err', 'w') as err:
            p = subprocess.Popen([INSTRUMENT, '--rules', self.dir / 'own.yaml', '--alerts', self.dir / 'alerts.jsonl', '--json', '--', '/bin/sh', '-c',
                                  'echo begun; while read n; do (: < "/tmp/above-$n") 2>/dev/null; echo did; done'],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err, text=True, start_new_session=True, env={
                                     **os.environ, variable: f'localhost:{server.port}', 'UNDERCOAT_ACCESS_KEY': server.key,
                                     'UNDERCOAT_CA_CERT': str(server.ca), 'UNDERCOAT_SPOOL': str(self.dir / spool),
                                     'UNDERCOAT_TAGS': 'team:tests', 'UNDERCOAT_LOGGING': 'info', **more})
        self.addCleanup(self._end, p)
        self.addCleanup(p.stdin.close)
        return p

    def said(self):
        return (self.dir / 'err').read_text(errors='replace')

    def opens(self, p, mark):
        p.stdin.write(mark + '\n')
        p.stdin.flush()
        while (line := p.stdout.readline()) != 'did\n':
            self.assertEqual('begun\n', line)

    def alerts(self, p):
        """The rules whose alerts the run has written, once it has ended."""
        p.stdin.close()
        self.assertEqual(0, p.wait(PATIENCE), self.said())
        return [json.loads(l)['rule'] for l in (self.dir / 'alerts.jsonl').read_text().splitlines()]

    def agent(self):
        agents = [a for a in self.collector.get('/api/v1/agents')['agents'] if not a['relay']]
        return agents[0] if agents else None

    def has(self, **wanted):
        def look():
            a = self.agent()
            return a if a and all(a[k] == v for k, v in wanted.items()) else None
        return wait_for(look, f'the agent has {wanted}', PATIENCE)

    def test_applied_live_refused_with_its_place_and_taken_back(self):
        p = self.start()
        first = self.has(connected=True)
        self.assertTrue(first['rules_version'].startswith('local-'), first)
        self.opens(p, 'own')
        self.assertEqual('prod@1', self.push('prod', rule('Above one', 'one'), 'tag.team = tests')[1]['version'])
        self.has(rules_version='prod@1', rules_assigned='prod@1', rules_refused='')
        self.opens(p, 'one'), self.opens(p, 'own')
        status, answer = self.push('prod', rule('Above two', 'two').replace('evt.type in', 'evt.typo in'), 'tag.team = tests')
        self.assertEqual(422, status)
        self.assertRegex(answer['error'], r'^prod\.yaml:4:\d+: .*evt\.typo')
        self.push('prod', rule('Above two', 'two'), 'agent.tags = team:tests')
        self.has(rules_version='prod@2')
        self.opens(p, 'two'), self.opens(p, 'one')
        self.push('other', rule('Other', 'other'), 'tag.team = others')
        sets = self.collector.get('/api/v1/rulesets')['rulesets']
        self.assertEqual({'prod@2': {'assigned': 1, 'applied': 1, 'refused': 0}, 'other@1': {'assigned': 0, 'applied': 0, 'refused': 0}},
                         {s['version']: s['agents'] for s in sets})
        self.push('prod', rule('Above three', 'three'), 'tag.team = nobody')
        wait_for(lambda: self.agent()['rules_version'].startswith('local-'), 'its own rules are back', PATIENCE)
        self.opens(p, 'own'), self.opens(p, 'two')
        self.assertEqual(['Own rule', 'Above one', 'Above two', 'Own rule'], self.alerts(p))

    def test_a_kept_set_that_is_damaged_is_left_out_and_said(self):
        self.push('prod', rule('Above one', 'one'))
        p = self.start()
        self.has(rules_version='prod@1')
        self.alerts(p)
        kept = self.dir / 'spool/rules'
        kept.write_bytes(kept.read_bytes()[:-5])
        self.collector.kill()
        p = self.start()
        self.opens(p, 'own')
        self.assertEqual(['Own rule'], self.alerts(p))
        self.assertIn('cannot be read and are left out', self.said())

    def test_the_last_good_set_is_used_without_the_collector_also_by_security(self):
        self.push('prod', rule('Above one', 'one'))
        p = self.start(UNDERCOAT_PRIORITY='security')
        self.opens(p, 'one')
        self.has(rules_version='prod@1')
        self.assertEqual(['Above one'], self.alerts(p), 'the workload waited for the rules')
        self.collector.kill()
        p = self.start(UNDERCOAT_PRIORITY='security')
        self.opens(p, 'one')
        self.assertEqual(['Above one', 'Above one'], self.alerts(p))
        self.assertNotIn('waits for rules', self.said())

    def test_security_waits_no_longer_than_it_says(self):
        self.collector.kill()
        p = self.start(UNDERCOAT_PRIORITY='security', UNDERCOAT_RULES_TIMEOUT='2')
        self.opens(p, 'own')
        self.assertEqual(['Own rule'], self.alerts(p))
        self.assertIn('the workload waits for rules from the collector, 2 s at most', self.said())
        self.assertIn('no rules came from the collector within 2 s', self.said())

    def test_security_starts_when_there_are_none_for_it(self):
        p = self.start(UNDERCOAT_PRIORITY='security')
        self.opens(p, 'own')
        self.assertEqual(['Own rule'], self.alerts(p))
        self.assertNotIn('no rules came', self.said())

    def test_a_supervisor_that_is_killed_goes_on_with_them(self):
        self.need_root()
        self.push('prod', rule('Above one', 'one'))
        p = self.start()
        self.has(rules_version='prod@1')
        old = supervisor_of(p.pid)
        self.collector.kill()
        os.kill(old, signal.SIGKILL)
        wait_for(lambda: supervisor_of(p.pid) not in (None, old), 'another supervisor runs', PATIENCE)
        self.opens(p, 'one')
        self.assertEqual(['Above one'], self.alerts(p))

    def test_an_orchestrator_hands_them_down_also_while_the_collector_is_away(self):
        self.push('prod', rule('Above one', 'one'), 'tag.team = tests')
        orchestrator = Orchestrator(self.dir, self.collector)
        self.addCleanup(orchestrator.kill)
        p = self.start(orchestrator)
        a = self.has(rules_version='prod@1', rules_assigned='prod@1')
        self.assertTrue(a['via'])
        self.push('prod', rule('Above two', 'two'), 'tag.team = tests')
        self.has(rules_version='prod@2')
        self.opens(p, 'two')
        self.assertEqual(['Above two'], self.alerts(p))
        self.collector.kill()
        orchestrator.kill()
        orchestrator.start()
        p = self.start(orchestrator, spool='fresh', UNDERCOAT_PRIORITY='security')
        self.opens(p, 'two')
        self.assertEqual(['Above two', 'Above two'], self.alerts(p), 'an agent that nobody knew')
        self.assertNotIn('no rules came', self.said())


if __name__ == '__main__':
    unittest.main()
