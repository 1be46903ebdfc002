"""The page of the collector in a real browser, against the real collector; and that the committed bundle is what the sources give.

Must stay true: where Chromium or the packages of npm are missing the tests are skipped visibly; the collector and the workload
are those of the bundle."""
import filecmp
import json
import os
import pathlib
import re
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get('UNDERCOAT_BUILD', ROOT / 'build'))
BUNDLE = BUILD / 'bundle/opt/undercoat'
SOURCES = ROOT / 'collector/page'
HERE = pathlib.Path(__file__).parent
PATIENCE = 60
LOST = 8000  # alerts that do not fit into one megabyte of spool
RULES = '''
- rule: Page marked file
  desc: a file with a mark was opened
  condition: evt.type in (open, openat, openat2) and evt.dir=< and fd.name startswith /tmp/page-mark-
  output: marked (file=%fd.name proc=%proc.name)
  priority: WARNING
'''
WORKLOAD = f'''
import os
for i in range({LOST}):
    try:
        open("/tmp/page-mark-" + "x" * 200 + str(i))
    except OSError:
        pass
print("done", flush=True)
input()
'''


def wait_for(condition, what):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f'not within {PATIENCE} s: {what}')


def packages():
    """Why the packages of the lock file are not there; None: they are. Installs them if npm can."""
    mark = SOURCES / 'node_modules/.package-lock.json'
    if mark.exists() and mark.stat().st_mtime >= (SOURCES / 'package-lock.json').stat().st_mtime:
        return None
    if not shutil.which('npm') or not shutil.which('node'):
        return 'npm and node are not installed'
    r = subprocess.run(['npm', 'ci', '--ignore-scripts', '--no-audit', '--no-fund'], cwd=SOURCES, capture_output=True, text=True)
    return None if r.returncode == 0 else 'npm ci failed: ' + r.stderr.strip()[-300:]


class Bundle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if why := packages():
            raise unittest.SkipTest(why)

    def test_the_committed_bundle_is_what_the_sources_give(self):
        with tempfile.TemporaryDirectory() as scratch:
            r = subprocess.run(['node', 'build.mjs', scratch], cwd=SOURCES, capture_output=True, text=True)
            self.assertEqual(0, r.returncode, r.stderr)
            fresh, committed = sorted(os.listdir(scratch)), sorted(os.listdir(SOURCES / 'dist'))
            self.assertEqual(fresh, committed)
            differing = filecmp.cmpfiles(scratch, SOURCES / 'dist', fresh, shallow=False)
            self.assertEqual([], differing[1] + differing[2], 'out of date; run `npm run build` in collector/page')

    def test_types(self):
        r = subprocess.run(['node', 'node_modules/typescript/bin/tsc', '--noEmit'], cwd=SOURCES, capture_output=True, text=True)
        self.assertEqual(0, r.returncode, r.stdout)


class Browser(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if why := packages():
            raise unittest.SkipTest(why)
        cls.chromium = shutil.which('chromium') or shutil.which('chromium-browser') or shutil.which('google-chrome')
        if not cls.chromium:
            raise unittest.SkipTest('chromium is not installed')
        cls.scratch = pathlib.Path(tempfile.mkdtemp(prefix='uc-page-'))
        cls.addClassCleanup(shutil.rmtree, cls.scratch)
        cls.port = 0
        cls.start()
        cls.addClassCleanup(lambda: cls.stop())
        text = (cls.scratch / 'out').read_text()
        cls.password, cls.key = re.search(r'password +(\S+)', text)[1], re.search(r'access key +(\S+)', text)[1]
        cls.ca = cls.scratch / 'data/collector.crt'
        command = [BUNDLE / 'bin/undercoat', 'collector', '--data', cls.scratch / 'data', 'key', 'add', 'page', '--role', 'api']
        cls.api_key = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
        cls.start_agent()

    @classmethod
    def start(cls):
        with open(cls.scratch / 'out', 'a') as out, open(cls.scratch / 'err', 'w') as err:
            cls.collector = subprocess.Popen([BUNDLE / 'bin/undercoat', 'collector', '--data', cls.scratch / 'data', '--name', 'localhost',
                                              '--listen', f'127.0.0.1:{cls.port}'], stdout=out, stderr=err)
        found = wait_for(lambda: re.search(r'listening on port (\d+)', (cls.scratch / 'err').read_text()), 'the collector listens')
        cls.port = int(found[1])

    @classmethod
    def stop(cls):
        cls.collector.send_signal(signal.SIGKILL)
        cls.collector.wait(PATIENCE)

    @classmethod
    def start_agent(cls):
        """A watched workload that made more alerts, while the collector was away, than its spool holds; it runs on."""
        (cls.scratch / 'rules.yaml').write_text(RULES)
        (cls.scratch / 'workload.py').write_text(WORKLOAD)
        cls.stop()
        environment = {**os.environ, 'UNDERCOAT_COLLECTOR': f'localhost:{cls.port}', 'UNDERCOAT_ACCESS_KEY': cls.key,
                       'UNDERCOAT_CA_CERT': str(cls.ca), 'UNDERCOAT_SPOOL': 'memory', 'UNDERCOAT_SPOOL_MB': '1', 'UNDERCOAT_TAGS': 'team:page',
                       'UNDERCOAT_PRIORITY': 'security'}
        with open(cls.scratch / 'agent.err', 'w') as errors:
            agent = subprocess.Popen([BUNDLE / 'bin/instrument', '--rules', cls.scratch / 'rules.yaml', '--alerts', '/dev/null', '--', 'python3',
                                      cls.scratch / 'workload.py'], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True,
                                     env=environment)
        cls.addClassCleanup(lambda: agent.communicate('\n', timeout=PATIENCE))
        agent.stdout.readline()
        cls.start()
        wait_for(lambda: any(a['connected'] and a['counters'].get('forward_drops_spool_full_warning') for a in cls.agents()),
                 'the agent tells what it lost')

    @classmethod
    def get(cls, path):
        request = urllib.request.Request(f'https://localhost:{cls.port}{path}', headers={'Authorization': 'Bearer ' + cls.api_key})
        return urllib.request.urlopen(request, context=ssl.create_default_context(cafile=str(cls.ca)))

    @classmethod
    def agents(cls):
        with cls.get('/api/v1/agents') as answer:
            return json.load(answer)['agents']

    def status_of(self, path):
        try:
            with self.get(path) as answer:
                return answer.status
        except urllib.error.HTTPError as e:
            e.close()
            return e.code

    def run_in_browser(self, script):
        environment = {**os.environ, 'PAGE_SOURCES': str(SOURCES), 'CHROMIUM': self.chromium, 'COLLECTOR_URL': f'https://localhost:{self.port}',
                       'COLLECTOR_KEY': self.key, 'COLLECTOR_PASSWORD': self.password, 'COLLECTOR_CA': str(self.ca),
                       'NODE_EXTRA_CA_CERTS': str(self.ca)}
        r = subprocess.run(['node', HERE / script], env=environment, capture_output=True, text=True, timeout=5 * PATIENCE)
        self.assertEqual(0, r.returncode, r.stdout[-6000:] + r.stderr[-2000:])
        self.assertRegex(r.stdout, r'pass [1-9]')

    def test_alerts(self):
        self.run_in_browser('alerts.mjs')

    def test_hostile_content(self):
        self.run_in_browser('hostile.mjs')

    def test_access(self):
        self.run_in_browser('access.mjs')

    def test_rulesets(self):
        if self.status_of('/api/v1/rulesets') == 404:
            self.skipTest('this collector has no rulesets')
        self.run_in_browser('rulesets.mjs')

    def test_agents_and_rules(self):
        self.run_in_browser('agents.mjs')


if __name__ == '__main__':
    unittest.main()
