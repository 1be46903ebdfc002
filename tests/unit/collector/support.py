"""What the tests of servers of agents share: a server, a WebSocket, the frames of the protocol, and what strangers send.

Must stay true: waiting is for a condition with a deadline."""
import base64
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import tempfile

from store_servers import SLOW, wait_for

COLLECTOR = os.environ['COLLECTOR']


class Server:
    """One collector, or another server of agents, with its directory."""

    def __init__(self, program=COLLECTOR, environment=None):
        self.program, self.environment = program, {**os.environ, **(environment or {})}
        self.directory = tempfile.mkdtemp(prefix='collector-test-')
        self.port, self.process = 0, None
        self.start()
        first = self.output()
        self.shared = 'UNDERCOAT_STORE' in self.environment
        self.password = (re.search(r'password +(\S+)', first) or [None, None])[1]
        self.key = (re.search(r'access key +(\S+)', first) or [None, None])[1]

    def output(self):
        return pathlib.Path(self.directory, 'out').read_text(errors='replace')

    def log(self):
        return pathlib.Path(self.directory, 'err').read_text(errors='replace')

    def start(self, *options):
        with open(self.directory + '/out', 'a') as out, open(self.directory + '/err', 'w') as err:
            self.process = subprocess.Popen([self.program, '--data', self.directory + '/data', '--listen', f'127.0.0.1:{self.port}', *options],
                                            stdout=out, stderr=err, env=self.environment)
        self.port = int(wait_for(lambda: re.search(r'listening on port (\d+)', self.log()), 'the collector listens')[1])

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(SLOW)

    def close(self):
        if self.process.poll() is None:
            self.stop(signal.SIGKILL)
        shutil.rmtree(self.directory)

    def context(self):
        return ssl.create_default_context(cafile=f'{self.directory}/data/{os.path.basename(self.program)}.crt')

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPSConnection('localhost', self.port, context=self.context(), timeout=SLOW)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, dict((k.lower(), v) for k, v in answer.getheaders()), answer.read()
        finally:
            connection.close()

    def command(self, *arguments):
        return subprocess.run([self.program, '--data', self.directory + '/data', *arguments], capture_output=True, text=True, env=self.environment)

    def add_key(self, name, role='agent'):
        """A new key. Where several collectors share a store, one learns of it a moment later."""
        key = self.command('key', 'add', name, '--role', role).stdout.strip()
        method, path = ('GET', '/api/v1/status') if role in ('api', 'admin') else ('POST', '/')
        wait_for(lambda: self.request(method, path, headers={'Authorization': 'Bearer ' + key})[0] != 401, 'the key is known')
        return key


class WebSocket:
    """As much of RFC 6455 as the tests need."""

    def __init__(self, server, path, **headers):
        plain = socket.create_connection(('127.0.0.1', server.port), timeout=SLOW)
        self.socket = server.context().wrap_socket(plain, server_hostname='localhost')
        more = ''.join(f'{name.replace("_", "-")}: {value}\r\n' for name, value in headers.items())
        self.socket.sendall(f'GET {path} HTTP/1.1\r\nHost: localhost:{server.port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
                            f'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\n{more}\r\n'.encode())
        head = b''
        while b'\r\n\r\n' not in head and (part := self.socket.recv(1)):
            head += part
        if b'\r\n\r\n' not in head:
            self.socket.close()
            raise ConnectionError('closed before it answered')
        self.status = int(head.split()[1])

    def send(self, payload, opcode=1):
        length = len(payload)
        size = bytes([length | 128]) if length < 126 else b'\xfe' + struct.pack('>H', length) if length < 65536 else b'\xff' + struct.pack('>Q', length)
        self.socket.sendall(bytes([128 | opcode]) + size + bytes(4) + payload)

    def exactly(self, size):
        data = b''
        while len(data) < size:
            part = self.socket.recv(size - len(data))
            if not part:
                raise ConnectionError('closed')
            data += part
        return data

    def receive(self):
        """Opcode and payload of the next frame that is no ping."""
        while True:
            first, length = self.exactly(2)
            if length == 126:
                length = struct.unpack('>H', self.exactly(2))[0]
            elif length == 127:
                length = struct.unpack('>Q', self.exactly(8))[0]
            payload = self.exactly(length)
            if first & 15 != 9:
                return first & 15, payload

    def closing(self):
        """Code and reason of the frame that closes; what comes before it is passed over."""
        while True:
            code, payload = self.receive()
            if code == 8:
                return struct.unpack('>H', payload[:2])[0], payload[2:]

    def json(self):
        return json.loads(self.receive()[1])

    def close(self):
        self.socket.close()


def varint(n):
    out = b''
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def member(number, value):
    """One member of a protobuf message: a number or bytes."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def zstd(*blocks):
    """A frame of blocks (kind, size, bytes): kind 0 as they are, 1 one byte repeated; without a word of its whole size."""
    out = b'\x28\xb5\x2f\xfd\x00\x58'
    for i, (kind, size, data) in enumerate(blocks):
        out += struct.pack('<I', size << 3 | kind << 1 | (i == len(blocks) - 1))[:3] + data
    return out


def frame(*members):
    plain = b''.join(members)
    parts = [plain[i:i + 100_000] for i in range(0, len(plain), 100_000)]
    return zstd(*((0, len(part), part) for part in parts))


def hello(agent):
    return frame(member(1, agent), member(2, member(1, 1) + member(3, b'host')))


def batch(agent, numbers, epoch=7, stream=4):
    alerts = b''.join(member(3, member(1, n) + member(4, b'Replayed') + member(8, b'alert %d' % n) + member(9, b'{}')) for n in numbers)
    return frame(member(1, agent), member(3, varint(1 << 3 | 1) + struct.pack('<Q', epoch) + member(2, stream) + alerts))


FALCO = {'hostname': 'node-1', 'output': '10:00:00.000000000: Warning A shell was spawned (user=root)', 'priority': 'Warning',
         'rule': 'Shell in container', 'source': 'syscall', 'tags': ['shell', 'T1059'], 'time': '2026-01-01T10:00:00.000000000Z',
         'output_fields': {'proc.name': 'bash', 'proc.pid': 12, 'user.name': 'root'}}


class HostileInput:
    """What strangers send to a server of agents. For a TestCase that has `server`."""

    def number(self, name):
        """One of the server's metrics."""
        return int(re.search(rf'^undercoat_[a-z]+_{name} (\d+)$', self.server.request('GET', '/metrics')[2].decode(), re.M)[1])

    def raw(self, data, context=None):
        """Sends bytes over TLS and returns the answer until the end."""
        with socket.create_connection(('127.0.0.1', self.server.port), timeout=SLOW) as plain:
            with (context or self.server.context()).wrap_socket(plain, server_hostname='localhost') as s:
                try:
                    s.sendall(data)
                except OSError:  # refused while it was still being sent: the answer may be lost with the connection
                    return b' 431 connection closed'
                answer = b''
                try:
                    while part := s.recv(4096):
                        answer += part
                except (ConnectionError, ssl.SSLError):
                    pass
                return answer

    def websocket(self, path, **headers):
        w = WebSocket(self.server, path, **headers)
        self.addCleanup(w.close)
        return w

    def test_agents_that_do_not_speak_the_protocol_are_cut_off(self):
        self.assertEqual(self.websocket('/agent/v1').status, 401)
        before = self.number('agent_frames_refused_total')
        for opcode, payload in ((2, b''), (2, b'\x28\xb5\x2f\xfd' + b'\xff' * 100), (1, b'{}'), (2, bytes(1000)), (2, hello(b'x')[:-3]),
                                (2, batch(b'stranger', [1])), (2, zstd(*[(1, 128 << 10, b'x')] * 1000))):
            w = self.websocket('/agent/v1', Authorization='Bearer ' + self.server.key)
            self.assertEqual(w.status, 101)
            w.send(payload, opcode)
            code, reason = w.receive()
            self.assertEqual((code, struct.unpack('>H', reason[:2])[0]), (8, 1002))
        self.assertEqual(self.number('agent_frames_refused_total'), before + 7)
        w = self.websocket('/agent/v1', Authorization='Bearer ' + self.server.key)
        w.socket.sendall(b'\x82\xff' + struct.pack('>Q', 1 << 40) + bytes(4))
        self.assertEqual(w.receive()[0], 8, 'a message that is too large')
        self.assertEqual(self.server.request('GET', '/readyz')[0], 200)

    def test_older_tls_is_refused(self):
        old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        old.load_verify_locations(f'{self.server.directory}/data/{os.path.basename(self.server.program)}.crt')
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.raw(b'GET /healthz HTTP/1.1\r\n\r\n', old)

    def test_a_silent_client_holds_nobody_up(self):
        with socket.create_connection(('127.0.0.1', self.server.port)), socket.create_connection(('127.0.0.1', self.server.port)) as half:
            half.sendall(b'\x16\x03\x01')
            self.assertEqual(self.server.request('GET', '/healthz')[0], 200)

    def test_a_key_that_is_taken_back_is_worth_nothing_from_then_on(self):
        key = self.server.command('key', 'add', 'short').stdout.strip()
        wait_for(lambda: self.websocket('/agent/v1', Authorization='Bearer ' + key).status == 101, 'the key is known')
        w = self.websocket('/agent/v1', Authorization='Bearer ' + key)
        w.send(hello(b'short'), 2)
        self.assertEqual(w.receive()[0], 2, 'the welcome')
        self.server.command('key', 'remove', 'short')
        if self.server.shared:  # where several share the keys, one learns of it a moment later
            wait_for(lambda: self.server.request('POST', '/', headers={'Authorization': 'Bearer ' + key})[0] == 401, 'the key is known to be gone')
        w.send(batch(b'short', [1]), 2)
        self.assertEqual(w.closing(), (1008, b'its access key was taken back'))

    def test_who_is_no_relay_speaks_for_itself_alone(self):
        for second in (frame(member(1, b'x'), member(2, member(1, 1) + member(9, 1))), hello(b'other')):
            w = self.websocket('/agent/v1', Authorization='Bearer ' + self.server.key)
            w.send(hello(b'x'), 2)
            self.assertEqual(w.receive()[0], 2, 'the welcome')
            w.send(second, 2)
            self.assertNotEqual(w.closing()[0], 1000)

    def test_a_good_key_passes_whatever_others_do_behind_the_same_address(self):
        for _ in range(15):
            self.assertEqual(self.websocket('/agent/v1', Authorization='Bearer uck_wrong').status, 401)
        self.assertEqual(self.websocket('/agent/v1', Authorization='Bearer ' + self.server.key).status, 101)

    def test_wrong_keys_are_refused_and_said(self):
        self.assertEqual(self.websocket('/agent/v1', Authorization='Bearer uck_wrong').status, 401)
        self.assertIn('its access key is unknown', self.server.log())

    def test_a_batch_that_comes_again_is_acknowledged_and_taken_once(self):
        before = self.number('alerts_duplicate_total')
        for turn in range(2):
            w = self.websocket('/agent/v1', Authorization='Bearer ' + self.server.key)
            w.send(hello(b'replaying'), 2)
            self.assertEqual(w.receive()[0], 2, 'the welcome')
            for numbers in ([1, 2, 3], [1, 2, 3]):
                w.send(batch(b'replaying', numbers), 2)
                self.assertEqual(w.receive()[0], 2, 'the acknowledgement')
            w.close()
        wait_for(lambda: self.number('alerts_duplicate_total') == before + 9, 'duplicates are counted')
