"""Pages of a search on PostgreSQL, over files in which some words are frequent, some rare, and some only where something happened.

Must stay true: however the rows of a page are looked for, the pages are all that match, newest first, each once; whether the server has statistics
or not."""
import pathlib
import struct
import sys
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import shared_test  # noqa: E402
from support import WebSocket, frame, hello, member, varint, wait_for  # noqa: E402

ALERTS, FILE = 9000, 5000  # of which the first FILE are in the first file
SECOND = 1_000_000_000
BEGIN = 1_750_000_000 * SECOND
setUpModule, tearDownModule = shared_test.setUpModule, shared_test.tearDownModule


def made(n):
    """Number, time, severity, message."""
    words = ['common', f'seventh{n % 7}'] + ['incident'] * (800 <= n < 3300) + ['rare'] * (n in (3, 4990, 5010)) + ['last'] * (n == ALERTS)
    return n, BEGIN + n * SECOND, 2 if n % 900 == 0 else 4 + n % 3, f'alert {n} ' + ' '.join(words)


class Pages(shared_test.Together):
    def setUp(self):
        super().setUp()
        w = WebSocket(self.first, '/agent/v1', Authorization='Bearer ' + self.first.key)
        self.addCleanup(w.close)
        w.send(hello(b'pages'), 2)
        w.receive(), w.receive()
        at = 1
        for size in [1] * 40 + [20] * 48 + [1000] * 4 + [1] * 20 + [995] * 4:  # each takes a block of ids: few of them, or many
            self.deliver(w, range(at, at + size))
            at += size
            if at == FILE + 1:
                self.sql('UPDATE undercoat.files SET begun = 0')
                wait_for(lambda: self.sql('SELECT max(file) FROM undercoat.files') == '2', 'a second file is begun')
        self.assertEqual(at, ALERTS + 1)
        self.alerts = [made(n) for n in range(ALERTS, 0, -1)]

    def deliver(self, w, numbers):
        alerts = b''.join(member(3, member(1, n) + member(2, time) + member(3, severity) + member(4, b'Made') + member(8, message.encode()) +
                                 member(9, b'{"proc.name":"p%d"}' % (n % 100))) for n, time, severity, message in map(made, numbers))
        w.send(frame(member(1, b'pages'), member(3, varint(1 << 3 | 1) + struct.pack('<Q', 7) + member(2, 4) + alerts)), 2)
        self.assertEqual(w.receive()[0], 2)

    def pages(self, limit, **parameters):
        seen = []
        while True:
            page = self.api(self.first, '/api/v1/alerts?' + urllib.parse.urlencode({**parameters, 'limit': limit}))
            self.assertTrue(page['complete'], parameters)
            seen += [a['output'] for a in page['alerts']]
            if page['next'] is None:
                return seen
            parameters['before'] = page['next']

    def check(self, limit, fits, **parameters):
        self.assertEqual(self.pages(limit, **parameters), [a[3] for a in self.alerts if fits(*a)], parameters)

    def check_all(self):
        has = lambda *words: lambda n, time, severity, message: all(w in message.split() for w in words)  # noqa: E731
        self.check(1000, has())
        self.check(700, has('common'), q='common')
        self.check(97, has('seventh3'), q='seventh3')
        self.check(400, lambda n, *_: True, q='seventh*')
        self.check(100, has('incident'), q='incident')
        self.check(100, has('incident', 'seventh2'), q='incident seventh2')
        self.check(2, has('rare'), q='rare')
        self.check(1, has('last'), q='last')
        self.check(100, has('never'), q='never')
        self.check(7, lambda n, time, severity, _: severity <= 2, priority='critical')
        self.check(100, lambda *_: False, priority='emergency')
        self.check(50, lambda n, time, severity, message: severity <= 4 and 'incident' in message, priority='warning', q='incident')
        self.check(33, lambda n, *_: n % 100 == 42, filter='proc.name = p42')
        self.check(33, lambda n, *_: n % 100 in (42, 77) and 'seventh1' not in made(n)[3],
                   filter='proc.name in (p42, p77) and not alert.output contains seventh1')
        self.check(33, lambda n, *_: n % 1000 == 999, filter='alert.output contains "99 " and proc.name = p99 and alert.output contains "999 common"')
        self.check(60, lambda n, *_: 2990 <= n < 3590, **{'from': '2025-06-15T15:56:30Z', 'to': '2025-06-15T16:06:30Z'})
        self.check(60, lambda n, *_: 2990 <= n < 3300, q='incident', **{'from': '2025-06-15T15:56:30Z', 'to': '2025-06-15T16:06:30Z'})

    def test_pages_are_all_that_match(self):
        self.check_all()
        self.sql('ANALYZE')
        self.check_all()
        # A file that is deleted while it is searched is passed over.
        self.sql('DROP TABLE undercoat.alerts_1')  # its facts are there still, as for who has read them before
        for q in ('common', 'rare', 'incident'):
            self.check(1000, lambda n, time, severity, message: n > FILE and q in message.split(), q=q)  # noqa: B023


if __name__ == '__main__':
    unittest.main()
