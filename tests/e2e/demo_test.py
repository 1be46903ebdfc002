"""script/demo as a person runs it: it alerts, it ends well, it leaves nothing behind, ^C included."""
import json
import os
import pathlib
import signal
import subprocess
import unittest

from harness import ROOT, Case, wait_for

LEFT_BEHIND = [pathlib.Path('/bin/hello'), pathlib.Path('/dev/shm/undercoat-demo-dropped')]
IN_BOTH = {'Read sensitive file untrusted', 'Write below binary dir'}
OFFICIAL = {'Fileless execution via memfd_create', 'Redirect STDOUT/STDIN to Network Connection in Container', 'Execution from /dev/shm'}
OWN = {'Program run from anonymous memory', 'Standard stream replaced by a connection', 'Program run from shared memory'}


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

    def test_interrupted(self):
        p = subprocess.Popen(['python3', '-u', ROOT / 'demo/demo.py'], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             env=self.environ, start_new_session=True)
        self.addCleanup(self._end, p)
        for line in p.stdout:
            if 'plant a program' in line:
                break
        p.send_signal(signal.SIGINT)
        p.stdout.read()
        self.assertEqual(130, p.wait(30))
        self.assert_clean()
        wait_for(lambda: not self.workers(), 'no server is left')

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
