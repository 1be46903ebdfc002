"""Alerts of a watched workload reach a collector, each once, whatever happens to the collector meanwhile."""
import json
import os
import shutil
import signal
import socket
import subprocess
import threading

from collectors import PATIENCE, RULES, Collector
from harness import INSTRUMENT, Case, supervisor_of, wait_for


class Forwarding(Case):
    def setUp(self):
        super().setUp()
        self.rules_file = self.dir / 'marks.yaml'
        self.rules_file.write_text(RULES)
        self.collector = Collector(self.dir)
        self.addCleanup(self.collector.kill)

    def environment(self, **more):
        return {**os.environ, 'UNDERCOAT_COLLECTOR': f'localhost:{self.collector.port}', 'UNDERCOAT_ACCESS_KEY': self.collector.key,
                'UNDERCOAT_CA_CERT': str(self.collector.ca), 'UNDERCOAT_SPOOL': str(self.dir / 'spool'), 'UNDERCOAT_TAGS': 'team:tests',
                'UNDERCOAT_LOGGING': 'info', **more}

    def start(self, script, **more):
        err = open(self.dir / 'err', 'w')
        self.addCleanup(err.close)
        return subprocess.Popen([INSTRUMENT, '--rules', self.rules_file, '--alerts', self.dir / 'alerts', '--', '/bin/sh', '-c', script],
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=err, text=True,
                                env=self.environment(**more))

    def said(self):
        return (self.dir / 'err').read_text(errors='replace')

    def finish(self, process, text=''):
        process.communicate(text, timeout=PATIENCE)
        return process.returncode

    def test_an_alert_arrives_once_with_what_is_known_of_its_process(self):
        p = self.start('(cat /tmp/collector-mark-a) 2>/dev/null; true')
        self.assertEqual(0, self.finish(p), self.said())
        self.assertEqual(['/tmp/collector-mark-a'], self.collector.marks())
        found = self.collector.get('/api/v1/alerts', filter='proc.name = cat and alert.priority = Warning')['alerts']
        self.assertEqual(1, len(found))
        self.assertEqual('cat', found[0]['context']['proc.name'])
        self.assertEqual('sh', found[0]['context']['proc.pname'])
        agents = self.collector.get('/api/v1/agents')['agents']
        self.assertEqual(['team:tests'], agents[0]['tags'])
        self.assertEqual(found[0]['agent'], agents[0]['id'])
        self.assertIn(agents[0]['mode'], ('full', 'preload', 'trap'))
        self.assertIn('drops', agents[0]['counters'])

    def test_each_alert_is_there_once_though_the_collector_was_killed(self):
        p = self.start('while read n; do (: < "/tmp/collector-mark-$n"); done 2>/dev/null; true')
        sent = []

        def make(count):
            for _ in range(count):
                name = f'k{len(sent):04}'
                sent.append('/tmp/collector-mark-' + name)
                p.stdin.write(name + '\n')
            p.stdin.flush()
        for _ in range(3):
            make(50)
            wait_for(lambda: len(self.collector.marks()) > 0, 'the first alerts arrive', PATIENCE)
            self.collector.kill()
            make(50)
            self.collector.start()
        make(50)
        wait_for(lambda: len(self.collector.marks()) >= len(sent), 'all alerts arrive', PATIENCE)
        self.assertEqual(0, self.finish(p), self.said())
        self.assertEqual(sorted(sent), self.collector.marks())

    def test_what_could_not_be_sent_is_sent_by_the_next_run(self):
        self.collector.kill()
        self.assertEqual(0, self.finish(self.start('(: < /tmp/collector-mark-later) 2>/dev/null; true')))
        self.assertIn('could not be sent', self.said())
        self.collector.start()
        self.assertEqual(0, self.finish(self.start('true')))
        wait_for(lambda: self.collector.marks() == ['/tmp/collector-mark-later'], 'the alert of the run before arrives', PATIENCE)

    def test_a_killed_supervisor_neither_loses_nor_repeats(self):
        self.need_root()
        p = self.start('while read n; do (: < "/tmp/collector-mark-$n"); done 2>/dev/null; true')
        sent, dead = [], set()
        for turn in range(3):
            for i in range(20):
                sent.append(f'/tmp/collector-mark-s{turn}-{i:02}')
                p.stdin.write(f's{turn}-{i:02}\n')
            p.stdin.flush()
            if turn < 2:
                wait_for(lambda: len(self.collector.marks()) > 20 * turn, 'alerts of this turn arrive', PATIENCE)
                supervisor = wait_for(lambda: next(iter({supervisor_of(p.pid)} - dead - {None}), None), 'a supervisor runs')
                os.kill(supervisor, signal.SIGKILL)
                dead.add(supervisor)
        wait_for(lambda: len(self.collector.marks()) >= len(sent), 'all alerts arrive', PATIENCE)
        self.assertEqual(0, self.finish(p), self.said())
        self.assertEqual(sorted(sent), self.collector.marks())

    def test_a_wrong_key_and_a_wrong_authority_are_refused_and_said(self):
        p = self.start('read x; true', UNDERCOAT_ACCESS_KEY='uck_wrong')
        wait_for(lambda: 'the access key is unknown' in self.said(), 'the wrong key is said', PATIENCE)
        self.assertEqual(0, self.finish(p))
        other = self.dir / 'other.crt'
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', '/dev/null',
                        '-out', other, '-days', '2', '-subj', '/CN=other'], check=True, capture_output=True)
        p = self.start('read x; true', UNDERCOAT_CA_CERT=str(other))
        wait_for(lambda: 'certificate is not trusted' in self.said(), 'the wrong authority is said', PATIENCE)
        self.assertEqual(0, self.finish(p))
        self.assertEqual([], self.collector.get('/api/v1/agents')['agents'])

    def test_bad_settings_are_named_and_the_workload_runs(self):
        p = self.start('exit 7', UNDERCOAT_COLLECTOR='https://x/', UNDERCOAT_ACCESS_KEY='')
        self.assertEqual(7, self.finish(p))
        self.assertIn("UNDERCOAT_COLLECTOR is 'https://x/'", self.said())

    def test_a_proxy_with_a_password_is_passed(self):
        seen = []
        proxy = socket.create_server(('127.0.0.1', 0))
        self.addCleanup(proxy.close)

        def pump(a, b):
            while part := a.recv(65536):
                b.sendall(part)
            b.shutdown(socket.SHUT_WR)

        def serve():
            while True:
                try:
                    client, _ = proxy.accept()
                except OSError:
                    return
                head = b''
                while b'\r\n\r\n' not in head:
                    head += client.recv(4096)
                seen.append(head.decode())
                far = socket.create_connection(('127.0.0.1', self.collector.port))
                client.sendall(b'HTTP/1.1 200 Connection established\r\n\r\n')
                for a, b in ((client, far), (far, client)):
                    threading.Thread(target=pump, args=(a, b), daemon=True).start()
        threading.Thread(target=serve, daemon=True).start()
        p = self.start('(: < /tmp/collector-mark-p) 2>/dev/null; true', UNDERCOAT_PROXY=f'http://me:secret@127.0.0.1:{proxy.getsockname()[1]}')
        self.assertEqual(0, self.finish(p), self.said())
        self.assertEqual(['/tmp/collector-mark-p'], self.collector.marks())
        self.assertIn(f'CONNECT localhost:{self.collector.port} HTTP/1.1', seen[0])
        self.assertIn('Proxy-Authorization: Basic bWU6c2VjcmV0', seen[0])

    def test_an_alert_of_falco_by_curl(self):
        if not shutil.which('curl'):
            self.skipTest('curl is not installed')
        r = subprocess.run(['curl', '-sS', '--cacert', self.collector.ca, '-H', 'Authorization: Bearer ' + self.collector.key, '-d', json.dumps({
            'rule': 'From outside', 'priority': 'Error', 'output': 'something', 'hostname': 'h', 'source': 'syscall', 'tags': [],
            'time': '2026-01-01T00:00:00.000000000Z', 'output_fields': {'proc.name': 'x'}}), f'https://localhost:{self.collector.port}/'],
            capture_output=True, text=True)
        self.assertEqual('{"ok":true}', r.stdout, r.stderr)
        self.assertEqual(1, len(self.collector.get('/api/v1/alerts', filter='alert.rule = "From outside" and proc.name = x')['alerts']))


if __name__ == '__main__':
    import unittest
    unittest.main()
