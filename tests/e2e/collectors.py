"""Collectors and orchestrators on loopback, and ways between them that can be cut."""
import contextlib
import http.client
import json
import os
import re
import signal
import socket
import ssl
import struct
import subprocess
import threading
import urllib.parse

from harness import BUNDLE, wait_for

RULES = '''
- rule: Test marked file
  desc: a file with a mark was opened
  condition: evt.type in (open, openat, openat2) and evt.dir=< and fd.name startswith /tmp/collector-mark-
  output: marked (file=%fd.name proc=%proc.name)
  priority: WARNING
'''
PATIENCE = 60


class Program:
    """One of the two servers, with its directory. It keeps its port when it is started again."""
    place, address = None, '127.0.0.1'  # a place of its own (places.py), set before; None: here

    def __init__(self, directory, name, environment=None, options=()):
        self.name, self.data, self.port = name, directory / name, 0
        self.environment, self.options = {**os.environ, **(environment or {})}, options
        self.out, self.err = directory / f'{name}.out', directory / f'{name}.err'
        self.start()
        self.key = (re.search(r'access key +(\S+)', self.out.read_text()) or [None, None])[1]
        self.ca = self.data / f'{name}.crt'
        if self.place:
            self.ca = directory / f'{name}.crt'
            self.ca.write_bytes(self.place.seen(self.data / f'{name}.crt').read_bytes())

    def command(self, *arguments):
        command = [BUNDLE / 'bin/undercoat', self.name, '--data', self.data, *arguments]
        return self.place.inside(*command) if self.place else command

    def start(self):
        with open(self.out, 'a') as out, open(self.err, 'w') as err:
            self.process = subprocess.Popen(self.command('--listen', f'{self.address}:{self.port}', *self.options), stdout=out, stderr=err,
                                            env=self.environment)
        found = wait_for(lambda: re.search(r'listening on port (\d+)', self.said()) or self.process.poll() is not None,
                         f'the {self.name} listens', PATIENCE)
        if found is True:
            raise ChildProcessError(f'the {self.name} ended with {self.process.returncode}: {self.said()}')
        self.port = int(found[1])

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE)

    def stop(self):
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def said(self):
        return self.err.read_text(errors='replace')


class Collector(Program):
    """One collector on loopback, with its directory."""

    def __init__(self, directory, options=()):
        super().__init__(directory, 'collector', options=options)
        self.api_key, self.relay_key = self.add_key('tests', 'api'), self.add_key('relays', 'relay')

    def add_key(self, name, role):
        return subprocess.run(self.command('key', 'add', name, '--role', role), capture_output=True, text=True, check=True).stdout.strip()

    def get(self, path, **parameters):
        context = ssl.create_default_context(cafile=str(self.ca))
        connection = http.client.HTTPSConnection('localhost', self.port, context=context, timeout=PATIENCE)
        connection.request('GET', path + '?' + urllib.parse.urlencode(parameters), headers={'Authorization': 'Bearer ' + self.api_key})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        if answer.status != 200:
            raise AssertionError(f'{path}: {answer.status} {body}')
        return json.loads(body)

    def put(self, path, key, body):
        """Status and answer."""
        context = ssl.create_default_context(cafile=str(self.ca))
        connection = http.client.HTTPSConnection('localhost', self.port, context=context, timeout=PATIENCE)
        connection.request('PUT', path, json.dumps(body), headers={'Authorization': 'Bearer ' + key})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        return answer.status, json.loads(text)

    def marks(self):
        """The files of the alerts, as often as they are there."""
        page = self.get('/api/v1/alerts', limit='1000', filter='alert.rule = "Test marked file"')
        return sorted(a['fields']['fd.name'] for a in page['alerts'])


class Orchestrator(Program):
    """One orchestrator before a collector; `port`: another way to the collector than its own port."""

    def __init__(self, directory, collector, port=None, options=()):
        super().__init__(directory, 'orchestrator', {
            'UNDERCOAT_COLLECTOR': f'{collector.address if collector.place else "localhost"}:{port or collector.port}',
            'UNDERCOAT_ACCESS_KEY': collector.relay_key,
            'UNDERCOAT_CA_CERT': str(collector.ca), 'UNDERCOAT_TAGS': 'site:tests'}, options)

    def number(self, name):
        context = ssl.create_default_context(cafile=str(self.ca))
        connection = http.client.HTTPSConnection('localhost', self.port, context=context, timeout=PATIENCE)
        connection.request('GET', '/metrics')
        text = connection.getresponse().read().decode()
        connection.close()
        return int(re.search(rf'^undercoat_orchestrator_{name} (\d+)$', text, re.M)[1])


class Cable:
    """A TCP connection's way through this process, which can be cut and mended."""

    def __init__(self, to):
        self.to, self.whole, self.pairs = to, True, set()
        self.server = socket.create_server(('127.0.0.1', 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                near, _ = self.server.accept()
            except OSError:
                return
            try:
                if not self.whole:
                    raise ConnectionRefusedError
                far = socket.create_connection(('127.0.0.1', self.to()))
            except OSError:
                self._reset(near)
                continue
            self.pairs.add((near, far))
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(a, b), daemon=True).start()

    @staticmethod
    def _reset(s):
        with contextlib.suppress(OSError):
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            s.shutdown(socket.SHUT_RDWR)
        s.close()

    def _pump(self, a, b):
        with contextlib.suppress(OSError):
            while part := a.recv(65536):
                b.sendall(part)
        self._reset(a)
        self._reset(b)

    def cut(self):
        self.whole = False
        for pair in list(self.pairs):
            for s in pair:
                self._reset(s)
        self.pairs.clear()

    def mend(self):
        self.whole = True

    def close(self):
        self.server.close()
        self.cut()
