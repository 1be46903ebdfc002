"""The running orchestrator: bad input as the collector gets it, keys, and what it says of itself."""
import contextlib
import os
import pathlib
import signal
import sqlite3
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from support import HostileInput, Server, batch, frame, hello, member, wait_for  # noqa: E402

ORCHESTRATOR = os.environ['ORCHESTRATOR']
NOWHERE = {'UNDERCOAT_COLLECTOR': 'localhost:1', 'UNDERCOAT_ACCESS_KEY': 'uck_x'}


class Orchestrator(HostileInput, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(ORCHESTRATOR, NOWHERE)

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def test_its_key_is_shown_once_and_not_kept(self):
        kept = b''.join(p.read_bytes() for p in pathlib.Path(self.server.directory, 'data').iterdir())
        self.assertNotIn(self.server.key.encode(), kept)
        self.assertNotIn(self.server.key, self.server.log())

    def test_there_is_nothing_else(self):
        for path in ('/', '/api/v1/alerts', '/../etc/passwd'):
            self.assertEqual(self.server.request('GET', path)[0], 404, path)
        self.assertEqual(self.server.request('POST', '/', '{}')[0], 413)
        self.assertEqual(self.server.request('GET', '/healthz')[0], 200)

    def test_keys_come_and_go_while_it_runs(self):
        key = self.server.command('key', 'add', 'more').stdout.strip()
        self.assertIn('more', self.server.command('key', 'list').stdout)
        self.assertEqual(self.websocket('/agent/v1', Authorization='Bearer ' + key).status, 101)
        self.server.command('key', 'remove', 'more')
        self.assertEqual(self.websocket('/agent/v1', Authorization='Bearer ' + key).status, 401)


class Restarts(unittest.TestCase):
    def setUp(self):
        self.server = Server(ORCHESTRATOR, NOWHERE)
        self.addCleanup(self.server.close)

    number = HostileInput.number
    websocket = HostileInput.websocket

    def test_what_was_acknowledged_outlives_a_kill(self):
        w = self.websocket('/agent/v1', Authorization='Bearer ' + self.server.key)
        for message in (hello(b'a'), batch(b'a', range(1, 11)), batch(b'a', [11], stream=0)):
            w.send(message, 2)
            w.receive()
        self.server.stop(signal.SIGKILL)
        self.server.start()
        self.assertEqual(self.number('spool_alerts'), 11)
        self.assertEqual(self.server.output().count('access key'), 1, 'the first start is once')
        w = self.websocket('/agent/v1', Authorization='Bearer ' + self.server.key)
        for message in (hello(b'a'), batch(b'a', range(1, 11))):
            w.send(message, 2)
            w.receive()
        wait_for(lambda: self.number('alerts_duplicate_total') == 10, 'what it holds is known again')
        self.assertEqual(self.server.stop(), 0)

    def test_words_are_kept_without_what_was_not_understood(self):
        w = self.websocket('/agent/v1', Authorization='Bearer ' + self.server.key)
        for message in (frame(member(1, b'a'), member(2, member(1, 1) + member(3, b'host') + member(99, os.urandom(100_000)))), batch(b'a', [1])):
            w.send(message, 2)
            self.assertEqual(w.receive()[0], 2)
        with contextlib.closing(sqlite3.connect(self.server.directory + '/data/relay.db')) as db:
            self.assertEqual([True], [size < 1000 for size, in db.execute('SELECT length(hello) FROM agents')])

    def test_without_a_collector_it_says_what_is_missing(self):
        for environment, said in (({'UNDERCOAT_COLLECTOR': ''}, 'set UNDERCOAT_COLLECTOR'),
                                  ({'UNDERCOAT_COLLECTOR': 'https://x/'}, "UNDERCOAT_COLLECTOR is 'https://x/'")):
            self.server.environment.update(environment)
            r = self.server.command('--listen', '127.0.0.1:0')
            self.assertEqual(r.returncode, 1)
            self.assertIn(said, r.stderr)


if __name__ == '__main__':
    unittest.main(verbosity=2)
