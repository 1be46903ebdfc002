"""Several collectors on one PostgreSQL, with and without NATS before it (STORE, see stores.py), and what is left after kill -9 of each part.

Must stay true: an alert that was acknowledged is in the store once, whatever was killed meanwhile."""
import base64
import itertools
import json
import os
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

import stores
from support import COLLECTOR, FALCO, SLOW, WebSocket, batch, frame, hello, member, varint, wait_for

RULE = "- rule: One\n  desc: d\n  condition: proc.name = cat\n  output: x\n  priority: INFO\n"


def setUpModule():
    stores.start()


def tearDownModule():
    stores.close()


class Sender(threading.Thread):
    """An agent that sends batches until each is acknowledged: again, after a second without an answer, at the next of the servers."""

    def __init__(self, servers, key, name, batches, size=20):
        super().__init__(daemon=True)
        self.servers, self.key, self.agent, self.batches, self.size = servers, key, name, batches, size
        self.acknowledged, self.tries, self.trouble = 0, 0, None
        self.start()

    def run(self):
        try:
            while self.acknowledged < self.batches:
                server = self.servers[self.tries % len(self.servers)]
                self.tries += 1
                try:
                    self.talk(server)
                except OSError:
                    pass
        except BaseException as e:
            self.trouble = e

    def talk(self, server):
        w = WebSocket(server, '/agent/v1', Authorization='Bearer ' + self.key)
        try:
            w.socket.settimeout(1)
            w.send(hello(self.agent), 2)
            w.receive(), w.receive()  # the welcome, and which rules it is to have
            while self.acknowledged < self.batches:
                first = self.acknowledged * self.size + 1
                w.send(batch(self.agent, range(first, first + self.size)), 2)
                if w.receive()[0] != 2:
                    return
                self.acknowledged += 1
        finally:
            w.close()


class Together(unittest.TestCase):
    """A database of the test's own, and a collector on it."""

    def setUp(self):
        self.environment = stores.used.environment()
        self.database = self.environment['UNDERCOAT_STORE'].rpartition('/')[2]
        self.first = self.collector()
        self.api_key = self.first.add_key('api', 'api')

    def collector(self, **more):
        server = stores.collector({**self.environment, **more})
        self.addCleanup(server.close)
        return server

    def sql(self, text):
        return stores.used.postgres.sql(text, self.database)

    def api(self, server, path):
        status, _, body = server.request('GET', path, headers={'Authorization': 'Bearer ' + self.api_key})
        self.assertEqual(status, 200, body)
        return json.loads(body)

    def post(self, server, alert):
        return server.request('POST', '/', json.dumps(alert), {'Authorization': 'Bearer ' + self.first.key})[0]

    def senders(self, servers, batches):
        made = [Sender(servers, self.first.key, b'agent-%d' % i, batches) for i in range(4)]
        return made, lambda n: wait_for(lambda: sum(s.acknowledged for s in made) >= n, f'{n} batches are acknowledged')

    def check_acknowledged(self, sender):
        sender.join(SLOW)
        self.assertIsNone(sender.trouble)
        self.assertEqual(sender.acknowledged, sender.batches)

    def check_each_once(self, senders):
        for s in senders:
            self.check_acknowledged(s)
        expected = sum(s.batches * s.size for s in senders)
        wait_for(lambda: int(self.sql('SELECT count(*) FROM undercoat.alerts')) >= expected, 'everything is stored')
        self.assertEqual(self.sql('SELECT count(*), count(DISTINCT (agent, message)) FROM undercoat.alerts'), f'{expected}|{expected}')
        self.assertEqual(self.sql('SELECT sum(n) FROM undercoat.counts'), str(expected))


class Delivery(Together):
    def test_what_postgresql_never_takes_holds_up_nothing(self):
        self.sql("CREATE FUNCTION undercoat.refuse() RETURNS trigger LANGUAGE plpgsql AS "
                 "$$BEGIN IF NEW.message IN ('alert 3', 'alert 8') THEN RAISE 'no' USING ERRCODE = '22021'; END IF; RETURN NEW; END$$;"
                 "CREATE TRIGGER refuse BEFORE INSERT ON undercoat.alerts FOR EACH ROW EXECUTE FUNCTION undercoat.refuse()")
        self.check_acknowledged(Sender([self.first], self.first.key, b'odd', 3, 10))
        wait_for(lambda: int(self.sql('SELECT count(*) FROM undercoat.alerts')) >= 28, 'all others are stored')
        def counted():
            numbers = self.api(self.first, '/api/v1/status')['numbers']
            return (numbers['store_refused_total'], numbers['alerts_stored_total'], numbers['alerts_missing_total']) == (2, 28, 0)
        wait_for(counted, 'what is refused is counted')

    def test_the_same_brought_to_two_at_a_time_is_stored_once(self):
        servers = [self.first, self.collector()]
        made = [Sender([s], self.first.key, b'twin', 30) for s in servers]
        for s in made:
            s.join(SLOW)
            self.assertEqual(s.acknowledged, 30)
        wait_for(lambda: int(self.sql('SELECT count(*) FROM undercoat.alerts')) >= 600, 'everything is stored')
        self.assertEqual(self.sql('SELECT count(*), count(DISTINCT message) FROM undercoat.alerts'), '600|600')

    def test_postgresql_is_killed_while_alerts_come(self):
        senders, reached = self.senders([self.first, self.collector()], 40)
        for n in (20, 60):
            reached(n)
            stores.used.postgres.kill()
            self.assertEqual(self.first.request('GET', '/healthz')[0], 200, 'nobody waits for it')
            stores.used.postgres.start()
        self.check_each_once(senders)

    def test_a_collector_is_killed_while_alerts_come(self):
        second = self.collector()
        senders, reached = self.senders([self.first, second], 40)
        for n, server in ((20, self.first), (60, second)):
            reached(n)
            server.stop(signal.SIGKILL)
            server.start()
        self.check_each_once(senders)

    @unittest.skipIf(stores.STORE == 'postgres', 'it takes long, and with a backbone there is more to it')
    def test_rules_and_agents_are_known_at_each(self):
        second = self.collector()
        admin = self.first.add_key('admin', 'admin')
        for name in (b'same\0', b'same\x1a', b'far'):  # the first two are one in PostgreSQL
            w = WebSocket(second, '/agent/v1', Authorization='Bearer ' + self.first.key)
            self.addCleanup(w.close)
            w.send(hello(name), 2)
            self.assertEqual([w.receive()[0], w.receive()[0]], [2, 2], 'the welcome, and no rules')
        rules = json.dumps({'files': [{'name': 'a.yaml', 'content': RULE}]})
        self.assertEqual(self.first.request('PUT', '/api/v1/rulesets/all', rules, {'Authorization': 'Bearer ' + admin})[0], 200)
        self.assertEqual(w.receive()[0], 2, 'the other hands the rules down')
        known = dict.fromkeys(('same\x1a', 'far'), (True, 'all@1'))
        wait_for(lambda: {a['id']: (a['connected'], a['rules_assigned']) for a in self.api(self.first, '/api/v1/agents')['agents']} == known,
                 'the other\'s agents are known')
        w.send(batch(b'far', [1, 2]), 2)
        wait_for(lambda: self.api(self.first, '/api/v1/agents/far')['alerts'] == 2, 'what was stored of it is counted for all')
        w.close()
        wait_for(lambda: not self.api(self.first, '/api/v1/agents/far')['connected'], 'its end is known')


@unittest.skipIf(stores.STORE == 'nats', 'it is about the store alone')
class Several(Together):
    def test_what_one_takes_in_all_show(self):
        second = self.collector()
        self.assertNotIn('password', second.output(), 'the first start is once')
        wait_for(lambda: second.request('GET', '/api/v1/status', headers={'Authorization': 'Bearer ' + self.api_key})[0] == 200, 'it knows the keys')
        w = WebSocket(second, '/api/v1/live', Authorization='Bearer ' + self.api_key)
        self.addCleanup(w.close)
        w.send(b'{"type":"subscribe"}')
        self.assertEqual(w.json(), {'type': 'subscribed'})
        self.assertEqual(self.post(self.first, {**FALCO, 'output': 'seen by all'}), 200)
        self.assertEqual([a['output'] for a in w.json()['alerts']], ['seen by all'])
        for server in (self.first, second):
            self.assertEqual([a['output'] for a in self.api(server, '/api/v1/alerts?q=seen')['alerts']], ['seen by all'])

    def test_a_host_that_is_silent_is_passed_over(self):
        with socket.create_server(('127.0.0.1', 0)) as silent:  # it is connected to, and says nothing
            first = f'@127.0.0.1:{silent.getsockname()[1]},127.0.0.1:'
            second = self.collector(UNDERCOAT_STORE=self.environment['UNDERCOAT_STORE'].replace('@127.0.0.1:', first))
            wait_for(lambda: self.post(second, {**FALCO, 'output': 'by the second host'}) == 200, 'it stores')
        wait_for(lambda: self.sql('SELECT count(*) FROM undercoat.alerts') == '1', 'it is stored')

    def test_a_malformed_url_is_refused_without_its_password(self):
        with tempfile.TemporaryDirectory() as directory:
            for url in ('postgresql://who:9wrong/wrong@127.0.0.1/db', 'postgresql://who:x@wrong@127.0.0.1/db', 'postgresql://who:%wrong@127.0.0.1/db'):
                r = subprocess.run([COLLECTOR, '--data', directory], capture_output=True, text=True, timeout=SLOW, env={**self.first.environment, 'UNDERCOAT_STORE': url})
                self.assertEqual((r.returncode != 0, 'URL is malformed' in r.stderr, 'wrong' in r.stderr), (True, True, False), r.stderr)

    def test_a_login_holds_at_each(self):
        second = self.collector()
        body = json.dumps({'user': 'admin', 'password': self.first.password})
        status, headers, answer = self.first.request('POST', '/api/v1/login', body, {'Content-Type': 'application/json'})
        self.assertEqual(status, 200)
        cookie = {'Cookie': headers['set-cookie'].split(';')[0]}
        wait_for(lambda: second.request('GET', '/api/v1/session', headers=cookie)[0] == 200, 'the other knows the session')
        self.assertEqual(second.request('POST', '/api/v1/logout', '', {**cookie, 'X-CSRF-Token': json.loads(answer)['csrf']})[0], 200)
        wait_for(lambda: self.first.request('GET', '/api/v1/session', headers=cookie)[0] == 401, 'its end is known')

    def test_texts_are_stored_whatever_they_hold(self):
        evil = 'a\0b\\\'"{},\ud7ff\U0010ffff%s$1;-- \x1b[2J'
        self.assertEqual(self.post(self.first, {**FALCO, 'rule': evil, 'output': evil, 'hostname': evil, 'tags': [evil, '', 'x' * 500],
                                                'output_fields': {evil: evil, 'w': 'y' * 5000}}), 200)
        self.assertEqual(self.post(self.first, {**FALCO, 'rule': 'long', 'output': 'z' * 60_000}), 200)
        found = wait_for(lambda: len(f := self.api(self.first, '/api/v1/alerts')['alerts']) == 2 and f, 'both are stored')
        self.assertEqual((found[1]['output'], found[1]['fields'][evil]), (evil.replace('\0', '\x1a'), evil))
        self.assertEqual(len(self.api(self.first, '/api/v1/alerts?q=' + 'z' * 900)['alerts']), 1)
        for q in ("'", "\\", "a' | 'b", '!x', '&', ':*'):
            self.api(self.first, '/api/v1/alerts?' + urllib.parse.urlencode({'q': q}))


    def test_the_oldest_go_when_there_are_too_many(self):
        self.first.stop()
        self.first.start('--max-size', '0.01')
        w = WebSocket(self.first, '/agent/v1', Authorization='Bearer ' + self.first.key)
        self.addCleanup(w.close)
        w.send(hello(b'large'), 2)
        w.receive(), w.receive()

        def send(first):
            noise = base64.b64encode(os.urandom(45_000))
            alerts = b''.join(member(3, member(1, first + i) + member(4, b'Large') + member(8, noise) + member(9, b'{}')) for i in range(2))
            w.send(frame(member(1, b'large') + member(3, varint(1 << 3 | 1) + struct.pack('<Q', 7) + member(2, 4) + alerts)), 2)
            self.assertEqual(w.receive()[0], 2)

        def go_on():
            send(next(numbers))
            return self.sql('SELECT min(file) FROM undercoat.files') != '1'
        numbers = itertools.count(1, 2)
        wait_for(go_on, 'the first file is deleted')
        def duplicates():
            return self.api(self.first, '/api/v1/status')['numbers']['alerts_duplicate_total']
        before = duplicates()
        send(1)
        wait_for(lambda: duplicates() == before + 2, 'what is deleted does not come back')
        self.assertEqual(self.sql('SELECT (SELECT coalesce(sum(n), 0) FROM undercoat.counts) - (SELECT count(*) FROM undercoat.alerts)'), '0')


@unittest.skipUnless(stores.STORE == 'nats', 'there is no backbone')
class WithBackbone(Together):
    def setUp(self):
        super().setUp()
        self.ingest = self.collector(UNDERCOAT_INGEST='1')
        wait_for(lambda: self.post(self.ingest, {}) == 400, 'it knows the keys')

    def test_tls_is_not_given_up(self):
        """A server without it is told nothing."""
        url = self.environment['UNDERCOAT_NATS'].replace('nats://', 'tls://')
        with tempfile.TemporaryDirectory() as directory:
            p = subprocess.Popen([COLLECTOR, '--data', directory], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
                                 env={**self.first.environment, 'UNDERCOAT_NATS': url})
            self.addCleanup(p.stderr.close)
            said = p.stderr.readline()
            while 'NATS' not in said and said:
                said = p.stderr.readline()
            p.kill()
            p.wait(SLOW)
        self.assertRegex(said, 'NATS cannot be reached: Secure')

    def test_nats_is_killed_while_alerts_come(self):
        senders, reached = self.senders([self.first, self.ingest], 40)
        for n in (20, 60):
            reached(n)
            stores.used.nats.kill()
            self.assertEqual(self.ingest.request('GET', '/healthz')[0], 200, 'nobody waits for it')
            stores.used.nats.start()
        self.check_each_once(senders)

    def test_alerts_are_taken_in_while_postgresql_is_away(self):
        stores.used.postgres.kill()
        try:
            senders, reached = self.senders([self.ingest], 10)
            reached(40)
        finally:
            stores.used.postgres.start()
        self.check_each_once(senders)

    def test_acknowledgements_go_on_while_postgresql_hangs(self):
        w = WebSocket(self.first, '/agent/v1', Authorization='Bearer ' + self.first.key)
        self.addCleanup(w.close)
        w.send(hello(b'patient'), 2)
        w.receive(), w.receive()
        numbers, longest = itertools.count(1), 0

        def housekeeping_failed():
            nonlocal longest
            begin = time.monotonic()
            w.send(batch(b'patient', [next(numbers)]), 2)
            self.assertEqual(w.receive()[0], 2)
            longest = max(longest, time.monotonic() - begin)
            return 'The store could not be tidied' in self.first.log()
        stores.used.postgres.stop()
        begin = time.monotonic()
        try:
            wait_for(housekeeping_failed, 'the housekeeping gives up')
            self.assertLess(longest, (time.monotonic() - begin) / 2, 'nobody waited for it')
        finally:
            stores.used.postgres.stop(False)
        sent = next(numbers) - 1
        wait_for(lambda: int(self.sql('SELECT count(*) FROM undercoat.alerts')) == sent, 'everything is stored')

    def test_who_stores_is_killed_and_another_goes_on(self):
        self.collector()
        senders, reached = self.senders([self.ingest], 40)
        reached(40)
        self.first.stop(signal.SIGKILL)
        self.check_each_once(senders)

    def test_a_backbone_that_cannot_be_read_is_told(self):
        stream = self.environment['UNDERCOAT_NATS_STREAM'].encode()
        self.assertEqual(self.first.request('GET', '/readyz')[0], 200)
        with socket.create_connection(('127.0.0.1', stores.used.nats.port), timeout=SLOW) as s:
            s.sendall(b'CONNECT {"verbose":true}\r\nPUB $JS.API.STREAM.DELETE.%s 0\r\n\r\nPING\r\n' % stream)
            wait_for(lambda: b'PONG' in s.recv(4096), 'NATS has it')
        wait_for(lambda: self.first.request('GET', '/readyz')[0] == 503, 'it is not ready')
        self.assertRegex(self.first.request('GET', '/metrics')[2].decode(), r'undercoat_collector_backbone_unread_total [1-9]')
        self.assertIn('of the backbone cannot be read: ', self.first.log())

    def test_the_longest_hostname_is_stored(self):
        self.assertEqual(self.post(self.ingest, {**FALCO, 'hostname': 'h' * 512}), 200)
        found = wait_for(lambda: self.api(self.first, '/api/v1/alerts')['alerts'], 'it is stored')
        self.assertEqual((found[0]['hostname'], found[0]['agent']), ('h' * 512, 'falco@' + 'h' * 506))

    def test_foreign_messages_are_thrown_away_and_counted(self):
        with socket.create_connection(('127.0.0.1', stores.used.nats.port), timeout=SLOW) as s:
            s.sendall(b'CONNECT {"verbose":true,"headers":true}\r\nPUB %s.alerts.1 7\r\ngarbage\r\nPING\r\n' % self.environment['UNDERCOAT_NATS_STREAM'].encode())
            wait_for(lambda: b'PONG' in s.recv(4096), 'NATS has it')
            for identity in (b'x' * 5000, b'\xff'):
                head = b'NATS/1.0\r\nUndercoat-Identity: %s\r\n\r\n' % identity
                good = batch(b'stranger', [1])
                s.sendall(b'HPUB %s.alerts.1 %d %d\r\n%s%s\r\nPING\r\n' % (self.environment['UNDERCOAT_NATS_STREAM'].encode(), len(head), len(head) + len(good), head, good))
                wait_for(lambda: b'PONG' in s.recv(4096), 'NATS has it')
        wait_for(lambda: b'undercoat_collector_backbone_foreign_total 3\n' in self.first.request('GET', '/metrics')[2], 'it is counted')
        self.assertEqual(self.post(self.ingest, FALCO), 200)
        wait_for(lambda: self.api(self.first, '/api/v1/alerts')['alerts'], 'what comes after is stored')


if __name__ == '__main__':
    unittest.main(verbosity=2)
