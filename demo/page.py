"""The demo's collector on loopback, with its page.

Must stay true: it ends with the stack it is given; its password and its key are of this run alone; a person is waited for only where
both input and output are a terminal, and not for ever.
"""
import contextlib
import http.client
import re
import select
import ssl
import subprocess
import sys
import time

BEGIN_SECONDS = 20     # for opening the page before the first attack
LOOK_SECONDS = 15 * 60  # for looking at it after the last
START_SECONDS = 30
ARRIVE_SECONDS = 10


def person_at(screen):
    return not screen.json and sys.stdin.isatty() and sys.stdout.isatty()


def wait_for_enter(seconds):
    if select.select([sys.stdin], [], [], seconds)[0]:
        sys.stdin.readline()


class Page:
    def __init__(self, stack, scratch, undercoat):
        self.data, self.spools = scratch / 'collector', scratch
        out, err = scratch / 'collector.out', scratch / 'collector.err'
        with open(out, 'w') as o, open(err, 'w') as e:
            # A session of its own, so that ^C ends the demo first and the page last.
            process = subprocess.Popen([undercoat, 'collector', '--data', self.data, '--listen', '127.0.0.1:0', '--name', 'localhost'],
                                       stdin=subprocess.DEVNULL, stdout=o, stderr=e, start_new_session=True)
        stack.callback(self.stop, process)
        deadline = time.monotonic() + START_SECONDS
        while not (found := re.search(r'listening on port (\d+)', err.read_text())):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit('demo: the collector did not start: ' + err.read_text().strip())
            time.sleep(0.02)
        self.port = int(found[1])
        text = out.read_text()
        self.password = re.search(r'password +(\S+)', text)[1]
        self.key_file = scratch / 'access_key'
        self.key_file.touch(0o600)
        self.key_file.write_text(re.search(r'access key +(\S+)', text)[1])

    @staticmethod
    def stop(process):
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def variables(self, name):
        """What lets an agent report here."""
        return {'UNDERCOAT_COLLECTOR': f'localhost:{self.port}', 'UNDERCOAT_ACCESS_KEY_FILE': str(self.key_file),
                'UNDERCOAT_CA_CERT': str(self.data / 'collector.crt'), 'UNDERCOAT_TAGS': f'demo:{name}',
                'UNDERCOAT_SPOOL': str(self.spools / f'spool-{name}')}

    def introduce(self, screen):
        screen.say(f'\nThe page: https://localhost:{self.port}/', '1;4')
        screen.say(f'  user admin, password {self.password}', 1)
        screen.say('  Its certificate was made just now, so the browser asks whether to trust it. From another machine, first:', 2)
        screen.say(f'    ssh -N -L {self.port}:localhost:{self.port} THIS-MACHINE', 2)
        if person_at(screen):
            screen.say(f'  Log in there, then press Enter; the attacks begin by themselves after {BEGIN_SECONDS} seconds.')
            wait_for_enter(BEGIN_SECONDS)

    def farewell(self, screen, seen):
        """Returns what is wrong: that not all `seen` alerts arrived."""
        deadline = time.monotonic() + ARRIVE_SECONDS
        while (there := self.count()) < seen and time.monotonic() < deadline:
            time.sleep(0.1)
        screen.say(f'\nThe page has {there} alerts of {seen}: https://localhost:{self.port}/ (user admin, password {self.password})', 1)
        if person_at(screen):
            screen.say(f'  Look around; Enter ends it, and so do {LOOK_SECONDS // 60} minutes.')
            wait_for_enter(LOOK_SECONDS)
        return [] if there >= seen else [f'{seen - there} alerts did not arrive']

    def count(self):
        context = ssl.create_default_context(cafile=str(self.data / 'collector.crt'))
        connection = http.client.HTTPSConnection('localhost', self.port, context=context, timeout=ARRIVE_SECONDS)
        with contextlib.closing(connection):
            connection.request('GET', '/metrics')
            stored = re.search(r'^undercoat_collector_store_alerts (\d+)$', connection.getresponse().read().decode(), re.M)
        return int(stored[1])
