"""script/demo as a person runs it: it alerts, here and on its page, it ends well, it leaves nothing behind, ^C included."""
import http.client
import json
import os
import pathlib
import re
import signal
import ssl
import subprocess
import unittest

from harness import ROOT, Case, wait_for

LEFT_BEHIND = [pathlib.Path('/bin/hello'), pathlib.Path('/dev/shm/undercoat-demo-dropped')]
PLANT = '#!/bin/sh\necho hello\n'  # what a demo that is killed leaves there
IN_BOTH = {'Read sensitive file untrusted', 'Write below binary dir'}
OFFICIAL = {'Fileless execution via memfd_create', 'Redirect STDOUT/STDIN to Network Connection in Container', 'Execution from /dev/shm'}
OWN = {'Program run from anonymous memory', 'Standard stream replaced by a connection', 'Program run from shared memory'}


class Client:
    """Somebody who logged in at the demo's page."""

    def __init__(self, port, password):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        self.connection = http.client.HTTPSConnection('localhost', port, context=context, timeout=30)
        self.connection.request('POST', '/api/v1/login', json.dumps({'user': 'admin', 'password': password}), {'Content-Type': 'application/json'})
        answer = self.connection.getresponse()
        answer.read()
        self.cookie = answer.getheader('Set-Cookie').split(';')[0]

    def get(self, path):
        self.connection.request('GET', path, headers={'Cookie': self.cookie})
        return self.connection.getresponse().read()

    def rules(self):
        return {a['rule'] for a in json.loads(self.get('/api/v1/alerts'))['alerts']}


class Demo(Case):
    def setUp(self):
        super().setUp()
        self.need_root()
        self.environ = {**os.environ, 'TMPDIR': str(self.dir), 'PATH': '/usr/sbin:/usr/bin:/sbin:/bin'}

    def assert_clean(self):
        self.assertEqual([], [p for p in LEFT_BEHIND if p.exists()])
        self.assertEqual([], list(self.dir.glob('undercoat-demo-*')))

    def test_json_has_each_alert_from_both_servers(self):
        if not (ROOT.parent / 'shared/rules').is_dir():
            self.skipTest("Falco's official rules are not there")
        self.run_with(IN_BOTH | OFFICIAL)

    def test_own_rules(self):
        self.run_with(IN_BOTH | OWN, '--own-rules')

    def run_with(self, rules, *options):
        r = subprocess.run(['python3', ROOT / 'demo/demo.py', '--json', *options], capture_output=True, text=True, timeout=120,
                           env=self.environ)
        self.assertEqual(0, r.returncode, r.stderr)
        alerts = [json.loads(l) for l in r.stdout.splitlines()]
        for rule in rules:
            self.assertGreaterEqual(sum(a['rule'] == rule for a in alerts), 2, rule)
        self.assert_clean()

    def test_what_a_killed_one_left_is_no_obstacle_but_what_is_not_ours_stays(self):
        planted = LEFT_BEHIND[0]
        if planted.exists() and planted.read_text() != PLANT:
            self.skipTest(f'{planted} is there')
        planted.write_text(PLANT)
        self.addCleanup(planted.unlink, missing_ok=True)
        p = self.start()
        for line in p.stdout:
            if 'plant a program' in line:
                break
        p.send_signal(signal.SIGINT)
        p.stdout.read()
        self.assertEqual(130, p.wait(30))
        self.assert_clean()
        planted.write_text('mine')
        p = self.start()
        said = p.stdout.read()
        self.assertEqual((1, 'mine'), (p.wait(30), planted.read_text()), said)

    def test_interrupted(self):
        p = self.start()
        for line in p.stdout:
            if 'plant a program' in line:
                break
        p.send_signal(signal.SIGINT)
        p.stdout.read()
        self.assertEqual(130, p.wait(30))
        self.assert_clean()
        wait_for(lambda: not self.workers(), 'no server is left')

    def start(self, *options, **popen):
        popen = {'stdin': subprocess.DEVNULL, 'stdout': subprocess.PIPE, 'stderr': subprocess.STDOUT, 'text': True, **popen}
        p = subprocess.Popen(['python3', '-u', ROOT / 'demo/demo.py', *options], env=self.environ, start_new_session=True, **popen)
        self.addCleanup(self._end, p)
        return p

    def test_the_page_has_the_attacks_while_they_happen(self):
        p = self.start('--no-overhead')
        address, password, said = None, None, ''
        for line in p.stdout:
            said += line
            address = address or re.search(r'https://localhost:(\d+)/', line)
            password = password or re.search(r'user admin, password (\w+)', line)
            if '● ' in line:  # an alert has come here; the next attacks are to come
                break
        asked = Client(int(address[1]), password[1])
        self.addCleanup(asked.connection.close)
        self.assertIn('<title>Undercoat</title>', asked.get('/').decode())
        wait_for(lambda: 'Write below binary dir' in asked.rules(), 'the second attack is on the page')
        self.assertIsNone(p.poll(), 'it shows them while they happen')
        said += p.stdout.read()
        self.assertEqual(0, p.wait(60), said)
        there, seen = map(int, re.search(r'The page has (\d+) alerts of (\d+)', said).groups())
        self.assertGreaterEqual(seen, 10)
        self.assertEqual(seen, there)
        self.assert_clean()
        self.assertEqual([], self.workers())

    def test_interrupted_at_a_terminal_while_it_waits_for_the_person(self):
        ours, theirs = os.openpty()
        self.addCleanup(os.close, ours)
        p = self.start(stdin=theirs, stdout=theirs, stderr=theirs)
        os.close(theirs)
        said = b''
        while b'press Enter' not in said:
            said += os.read(ours, 4096)
        p.send_signal(signal.SIGINT)
        self.assertEqual(130, p.wait(30))
        self.assert_clean()
        self.assertEqual([], self.workers())

    def workers(self):
        found = []
        for p in pathlib.Path('/proc').glob('[0-9]*/cmdline'):
            try:
                if str(self.dir).encode() in p.read_bytes():
                    found.append(p)
            except OSError:
                continue
        return found


if __name__ == '__main__':
    unittest.main()
