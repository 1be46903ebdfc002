#!/usr/bin/env python3
"""The outputs against real receivers: a replayed event gives alerts that arrive at sockets, programs and servers of this test.
SUPERVISOR names the program."""
import http.server
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import time
import unittest

PROGRAM = os.environ['SUPERVISOR']
RULES = '''
- rule: Directory made
  desc: d
  condition: evt.type = mkdir
  output: made "%evt.arg.path" by %proc.name
  priority: WARNING
  tags: [zebra, ape]
'''
EVENT = '{"type":"mkdir","ts":1700000000123456789,"pid":5,"result":0,"params":{"res":0,"path":"/tmp/%s","mode":511}}\n'
TEXT = '22:13:20.123456789: Warning made \\"/tmp/%s\\" by <NA>'
DEADLINE = 20


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.write('rules.yaml', RULES)

    def write(self, name, content):
        (self.directory / name).write_text(content)

    def path(self, name):
        return str(self.directory / name)

    def start(self, config, *words, events=('a',), log='info'):
        """Runs the supervisor on these events; the configuration has no appended fields."""
        self.write('events', ''.join(EVENT % e for e in events))
        self.write('config.yaml', 'append_output: []\n' + config)
        running = subprocess.Popen([PROGRAM, '--replay', self.path('events'), '--rules', self.path('rules.yaml'), '--config',
                                    self.path('config.yaml'), '--log', log, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, env={**os.environ, 'TZ': 'UTC', 'FALCO_HOSTNAME': 'box', 'LD_PRELOAD': ''})
        self.addCleanup(lambda: (running.kill(), running.stdout.close(), running.stderr.close(), running.wait()))
        return running

    def run_it(self, config, *words, **options):
        running = self.start(config, *words, **options)
        out, err = running.communicate(timeout=DEADLINE)
        self.assertEqual(0, running.returncode, err)
        return out, err


class Lines(Case):
    def test_to_stdout_in_text_and_json(self):
        out, _ = self.run_it('stdout_output: {enabled: true}')
        self.assertEqual(TEXT % 'a' + '\n', out)
        out, _ = self.run_it('stdout_output: {enabled: true}\njson_output: true')
        self.assertEqual({'hostname': 'box', 'output': '22:13:20.123456789: Warning made "/tmp/a" by <NA>', 'priority': 'Warning',
                          'rule': 'Directory made', 'source': 'syscall', 'tags': ['ape', 'zebra'],
                          'time': '2023-11-14T22:13:20.123456789Z',
                          'output_fields': {'evt.arg.path': '/tmp/a', 'evt.time': 1700000000123456789, 'proc.name': '<NA>'}},
                         json.loads(out))

    def test_switches_of_json_and_time(self):
        out, _ = self.run_it('stdout_output: {enabled: true}\njson_output: true\ntime_format_iso_8601: true\n'
                             'json_include_output_property: false\njson_include_message_property: true\n'
                             'json_include_tags_property: false')
        line = json.loads(out)
        self.assertEqual(['hostname', 'message', 'output_fields', 'priority', 'rule', 'source', 'time'], list(line))
        self.assertEqual('made "/tmp/a" by <NA>', line['message'])
        self.assertEqual('2023-11-14T22:13:20.123456789+0000', line['output_fields']['evt.time.iso8601'])
        out, _ = self.run_it('stdout_output: {enabled: true}\ntime_format_iso_8601: true')
        self.assertTrue(out.startswith('2023-11-14T22:13:20.123456789+0000: Warning made'), out)
        out, _ = self.run_it('stdout_output: {enabled: true}\njson_output: true\njson_include_output_fields_property: false')
        self.assertNotIn('output_fields', json.loads(out))

    def test_appended_output_and_static_fields(self):
        out, _ = self.run_it('''
stdout_output: {enabled: true}
json_output: true
static_fields: {team: blue, "from": "${FALCO_HOSTNAME}-$${X}"}
append_output:
  - match: {tags: [ape, zebra], source: syscall}
    extra_output: team=%static.team
    extra_fields: [static.from, {mode: "<%evt.arg.mode>"}]
  - match: {rule: Another}
    extra_output: never
  - match: {tags: [ape, bear]}
    extra_output: never
''')
        line = json.loads(out)
        self.assertTrue(line['output'].endswith('by <NA> team=blue'), line['output'])
        self.assertEqual({'static.team': 'blue', 'static.from': 'box-${X}', 'mode': '<1FF>'},
                         {k: v for k, v in line['output_fields'].items() if k.startswith('static') or k == 'mode'})

    def test_the_suggested_fields_are_appended_unless_told_otherwise(self):
        out, _ = self.run_it('stdout_output: {enabled: true}\nappend_output:\n  - {match: {source: syscall}, suggested_output: true}\n')
        self.assertIn(' by <NA> container_id=', out)

    def test_unknown_keys_and_bad_values_are_named_and_left_out(self):
        out, err = self.run_it('stdout_output: {enabled: true, colour: red}\nnonsense: 1\nengine: {kind: modern_ebpf}\n'
                               'json_output: perhaps\npriority: loud\n')
        self.assertEqual(TEXT % 'a' + '\n', out)
        for message in ["config.yaml:2:32: there is no key 'stdout_output.colour'", "config.yaml:3:1: there is no key 'nonsense'",
                        "config.yaml:4:1: the key 'engine' means nothing here",
                        "config.yaml:5:14: 'json_output' is 'perhaps'; allowed are true and false", "'priority' is 'loud'"]:
            self.assertIn(message, err)

    def test_rules_are_switched_by_the_file(self):
        out, _ = self.run_it('stdout_output: {enabled: true}\nrules:\n  - disable: {rule: "*"}\n')
        self.assertEqual('', out)
        out, _ = self.run_it('stdout_output: {enabled: true}\nrules:\n  - disable: {rule: "*"}\n  - enable: {tag: ape}\n')
        self.assertEqual(TEXT % 'a' + '\n', out)
        out, _ = self.run_it('stdout_output: {enabled: true}\npriority: error\n')
        self.assertEqual('', out)

    def test_a_file_beside_the_main_output(self):
        out, _ = self.run_it(f'file_output: {{enabled: true, filename: {self.path("f")}}}', '--alerts', 'stdout', '--format', 'text', events='ab')
        self.assertEqual(out, (self.directory / 'f').read_text())
        self.assertEqual(2, out.count('\n'))


def receive(sock, count, sizes=65536):
    sock.settimeout(DEADLINE)
    return [sock.recv(sizes).decode() for _ in range(count)]


class Syslog(Case):
    FORM = r'<12>1 2023-11-14T22:13:20\.123456Z box undercoat \d+ alert - '

    def test_unix_datagrams(self):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(self.path('log'))
            self.run_it(f'syslog_output: {{enabled: true, address: {self.path("log")}}}', events='ab')
            for event, line in zip('ab', receive(s, 2)):
                self.assertRegex(line, '^' + self.FORM + re.escape(TEXT % event) + '$')

    def test_tcp_counts_octets(self):
        with socket.create_server(('127.0.0.1', 0)) as s:
            running = self.start(f'syslog_output: {{enabled: true, address: "tcp://localhost:{s.getsockname()[1]}"}}', events='ab')
            s.settimeout(DEADLINE)
            connection, _ = s.accept()
            with connection:
                data = b''
                while chunk := connection.recv(65536):
                    data += chunk
            for event in 'ab':
                length, rest = data.split(b' ', 1)
                self.assertRegex(rest[:int(length)].decode(), '^' + self.FORM + re.escape(TEXT % event) + '$')
                data = rest[int(length):]
            self.assertEqual(b'', data)
            running.communicate(timeout=DEADLINE)

    def test_udp(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(('127.0.0.1', 0))
            self.run_it(f'syslog_output: {{enabled: true, address: "udp://127.0.0.1:{s.getsockname()[1]}"}}\njson_output: true')
            self.assertEqual('Directory made', json.loads(receive(s, 1)[0].split(' - ', 1)[1])['rule'])

    def test_a_daemon_that_comes_later_gets_what_waited(self):
        os.mkfifo(self.path('events.fifo'))
        self.write('config.yaml', f'append_output: []\nsyslog_output: {{enabled: true, address: {self.path("late")}}}')
        running = subprocess.Popen([PROGRAM, '--replay', self.path('events.fifo'), '--rules', self.path('rules.yaml'), '--config',
                                    self.path('config.yaml')], stderr=subprocess.PIPE, text=True)
        self.addCleanup(lambda: (running.kill(), running.stderr.close(), running.wait()))
        with open(self.path('events.fifo'), 'w') as events:
            events.write(EVENT % 'a')
            events.flush()
            self.assertIn('cannot connect', running.stderr.readline())
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
                s.bind(self.path('late'))
                self.assertIn('/tmp/a', receive(s, 1)[0])
                self.assertIn('works again', running.stderr.readline())

    def test_a_daemon_that_never_comes_is_said_and_holds_nothing_up(self):
        _, err = self.run_it(f'syslog_output: {{enabled: true, address: {self.path("none")}}}', events='abc')
        self.assertIn('output syslog: 3 alerts could not be delivered', err)

    def test_a_bad_address(self):
        _, err = self.run_it('syslog_output: {enabled: true, address: "http://x"}')
        self.assertIn("The syslog address is 'http://x'; allowed are", err)


class Program(Case):
    def test_one_process_for_each_alert(self):
        self.run_it(f'program_output: {{enabled: true, program: "echo begin >> {self.path("f")}; cat >> {self.path("f")}"}}', events='ab')
        self.assertEqual(f'begin\n{TEXT % "a"}\nbegin\n{TEXT % "b"}\n', (self.directory / 'f').read_text())

    def test_one_process_for_all(self):
        self.run_it(f'program_output: {{enabled: true, keep_alive: true, program: "echo begin >> {self.path("f")}; cat >> {self.path("f")}"}}',
                    events='ab')
        self.assertEqual(f'begin\n{TEXT % "a"}\n{TEXT % "b"}\n', (self.directory / 'f').read_text())

    def test_a_failing_program_is_said_once(self):
        _, err = self.run_it('program_output: {enabled: true, program: "cat > /dev/null; exit 3"}', events='abc')
        self.assertEqual(1, err.count('the program failed with status 3'), err)

    def test_the_program_has_none_of_our_variables(self):
        os.environ['UNDERCOAT_RULES'] = 'x'
        self.addCleanup(os.environ.pop, 'UNDERCOAT_RULES')
        self.run_it(f'program_output: {{enabled: true, program: "cat > /dev/null; env > {self.path("f")}"}}')
        names = [line.split('=')[0] for line in (self.directory / 'f').read_text().splitlines()]
        self.assertIn('FALCO_HOSTNAME', names)
        self.assertEqual([], [n for n in names if n.startswith('UNDERCOAT_') or n == 'LD_PRELOAD'])


class Server:
    """An HTTP(S) server that keeps what it was sent and answers with the statuses given, then 200."""

    def __init__(self, statuses=(), context=None):
        outer, self.requests, self.statuses = self, [], list(statuses)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):
                body = self.rfile.read(int(self.headers['Content-Length'])).decode()
                peer = self.connection.getpeercert() if context else None
                outer.requests.append((self.path, dict(self.headers), body, self.client_address, peer))
                self.send_response(outer.statuses.pop(0) if outer.statuses else 200)
                self.send_header('Content-Length', '2')
                self.end_headers()
                self.wfile.write(b'ok')

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Http(Case):
    def test_what_falcosidekick_takes(self):
        with Server() as s:
            self.run_it(f'http_output: {{enabled: true, url: "http://localhost:{s.port}/in?x=1", user_agent: me}}', events='ab')
        self.assertEqual(2, len(s.requests))
        path, headers, body, _, _ = s.requests[0]
        self.assertEqual('/in?x=1', path)
        self.assertEqual(('application/json', 'me', f'localhost:{s.port}'),
                         (headers['Content-Type'], headers['User-Agent'], headers['Host']))
        alert = json.loads(body)
        self.assertEqual(('Warning', 'Directory made', 'syscall', 'box'),
                         (alert['priority'], alert['rule'], alert['source'], alert['hostname']))
        self.assertTrue(alert['output_fields'])

    def test_text_where_json_is_switched_off_and_a_kept_connection(self):
        with Server() as s:
            self.run_it(f'json_output: false\nhttp_output: {{enabled: true, url: "http://127.0.0.1:{s.port}", keep_alive: true}}', events='ab')
        self.assertEqual(['text/plain'] * 2, [r[1]['Content-Type'] for r in s.requests])
        self.assertEqual(TEXT % 'a' + '\n', s.requests[0][2])
        self.assertEqual(s.requests[0][3], s.requests[1][3], 'the connection was not kept')

    def test_a_server_in_trouble_gets_the_alert_again_and_one_that_refuses_does_not(self):
        with Server([503, 429]) as s:
            _, err = self.run_it(f'http_output: {{enabled: true, url: "http://127.0.0.1:{s.port}"}}', events='ab')
        self.assertEqual(['a', 'a', 'a', 'b'], [json.loads(r[2])['output_fields']['evt.arg.path'][-1] for r in s.requests])
        self.assertIn('answered with status 503', err)
        with Server([400]) as s:
            _, err = self.run_it(f'http_output: {{enabled: true, url: "http://127.0.0.1:{s.port}"}}', events='ab')
        self.assertEqual(2, len(s.requests))
        self.assertIn('output http refuses alerts', err)

    def test_a_server_that_never_answers_holds_nothing_up_for_long(self):
        with socket.create_server(('127.0.0.1', 0)) as s:
            begin = time.monotonic()
            _, err = self.run_it(f'http_output: {{enabled: true, url: "http://127.0.0.1:{s.getsockname()[1]}"}}')
            self.assertLess(time.monotonic() - begin, 15)
            self.assertIn('output http: 1 alerts could not be delivered', err)

    def test_a_bad_url(self):
        for url in ['ftp://x', 'http://', 'http://u@h/', 'http://h:x/']:
            _, err = self.run_it(f'http_output: {{enabled: true, url: "{url}"}}')
            self.assertIn(f"The http output's url is '{url}'; it must be", err)


@unittest.skipUnless(shutil.which('openssl'), 'openssl, which makes the certificates, is not installed')
class Tls(Case):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.certificates = pathlib.Path(directory.name)

        def openssl(*words):
            subprocess.run(['openssl', *words], cwd=directory.name, check=True, capture_output=True)
        for ca in ['ca', 'other']:
            openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', f'/CN={ca}',
                    '-keyout', f'{ca}.key', '-out', f'{ca}.pem')
        for name, extension in [('server', 'subjectAltName=DNS:localhost'), ('client', 'extendedKeyUsage=clientAuth')]:
            (cls.certificates / f'{name}.ext').write_text(extension + '\n')
            openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', f'/CN={name}',
                    '-keyout', f'{name}.key', '-out', f'{name}.csr')
            openssl('x509', '-req', '-in', f'{name}.csr', '-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2',
                    '-extfile', f'{name}.ext', '-out', f'{name}.pem')

    def context(self, client=False):
        c = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        c.load_cert_chain(self.certificates / 'server.pem', self.certificates / 'server.key')
        if client:
            c.verify_mode = ssl.CERT_REQUIRED
            c.load_verify_locations(self.certificates / 'ca.pem')
        return c

    def settings(self, server, host='localhost', **more):
        words = ''.join(f', {k}: {v}' for k, v in more.items())
        return f'http_output: {{enabled: true, url: "https://{host}:{server.port}/"{words}}}'

    def test_a_server_of_a_trusted_authority(self):
        with Server(context=self.context()) as s:
            self.run_it(self.settings(s, ca_cert=self.certificates / 'ca.pem'))
            self.assertEqual('Directory made', json.loads(s.requests[0][2])['rule'])

    def test_others_get_nothing(self):
        with Server(context=self.context()) as s:
            for host, more in [('localhost', {'ca_cert': self.certificates / 'other.pem'}), ('localhost', {}),
                               ('127.0.0.1', {'ca_cert': self.certificates / 'ca.pem'})]:
                _, err = self.run_it(self.settings(s, host, **more))
                self.assertIn('certificate verify failed', err)
            self.assertEqual([], s.requests)
            self.run_it(self.settings(s, '127.0.0.1', insecure='true'))
            self.assertEqual(1, len(s.requests))

    def test_client_certificates(self):
        with Server(context=self.context(client=True)) as s:
            ca = {'ca_cert': self.certificates / 'ca.pem'}
            _, err = self.run_it(self.settings(s, **ca))
            self.assertIn('could not be delivered', err)
            self.assertEqual([], s.requests)
            self.run_it(self.settings(s, mtls='true', client_cert=self.certificates / 'client.pem',
                                      client_key=self.certificates / 'client.key', **ca))
            self.assertIn((('commonName', 'client'),), s.requests[0][4]['subject'])

    def test_a_missing_certificate_is_said(self):
        with Server(context=self.context()) as s:
            _, err = self.run_it(self.settings(s, ca_cert='/none.pem'))
            self.assertIn('/none.pem cannot be read', err)


class Web(Case):
    def ask(self, family, address, path):
        with socket.socket(family) as s:
            s.settimeout(DEADLINE)
            s.connect(address)
            s.sendall(f'GET {path} HTTP/1.1\r\nHost: x\r\n\r\n'.encode())
            data = b''
            while chunk := s.recv(65536):
                data += chunk
        head, body = data.decode().split('\r\n\r\n', 1)
        return int(head.split()[1]), head, body

    def serve(self, config):
        """A supervisor that waits for events until the returned file is closed."""
        os.mkfifo(self.path('events.fifo'))
        self.write('config.yaml', config)
        running = subprocess.Popen([PROGRAM, '--replay', self.path('events.fifo'), '--rules', self.path('rules.yaml'), '--config',
                                    self.path('config.yaml')], stderr=subprocess.PIPE, text=True)
        events = open(self.path('events.fifo'), 'w')
        self.addCleanup(lambda: (events.close(), running.wait(DEADLINE), running.stderr.close()))

    def test_on_a_unix_socket(self):
        where = self.path('web')
        stale = socket.socket(socket.AF_UNIX)
        stale.bind(where)
        stale.close()
        self.serve(f'webserver: {{enabled: true, socket: {where}, k8s_healthz_endpoint: /alive}}')
        until = time.monotonic() + DEADLINE
        while True:
            try:
                status, head, body = self.ask(socket.AF_UNIX, where, '/alive')
                break
            except (ConnectionRefusedError, FileNotFoundError):
                self.assertLess(time.monotonic(), until)
                time.sleep(0.01)
        self.assertEqual((200, '{"status": "ok"}'), (status, body))
        self.assertIn('application/json', head)
        status, head, body = self.ask(socket.AF_UNIX, where, '/metrics')
        self.assertIn('text/plain; version=0.0.4', head)
        self.assertIn('\nundercoat_rules 1\n', body)
        self.assertIn('engine_version_semver', self.ask(socket.AF_UNIX, where, '/versions')[2])
        self.assertEqual(404, self.ask(socket.AF_UNIX, where, '/etc/passwd')[0])
        with socket.socket(socket.AF_UNIX) as slow:  # says nothing; others are served
            slow.connect(where)
            self.assertEqual(200, self.ask(socket.AF_UNIX, where, '/alive')[0])

    def test_on_a_port(self):
        with socket.create_server(('127.0.0.1', 0)) as s:
            port = s.getsockname()[1]
        self.serve(f'webserver: {{enabled: true, listen_address: 127.0.0.1, listen_port: {port}, prometheus_metrics_enabled: false}}')
        until = time.monotonic() + DEADLINE
        while True:
            try:
                self.assertEqual(200, self.ask(socket.AF_INET, ('127.0.0.1', port), '/healthz')[0])
                break
            except ConnectionRefusedError:
                self.assertLess(time.monotonic(), until)
                time.sleep(0.01)
        self.assertEqual(404, self.ask(socket.AF_INET, ('127.0.0.1', port), '/metrics')[0])

    def test_a_port_in_use_is_said(self):
        with socket.create_server(('127.0.0.1', 0)) as s:
            _, err = self.run_it(f'webserver: {{enabled: true, listen_address: 127.0.0.1, listen_port: {s.getsockname()[1]}}}')
        self.assertIn('The web server cannot listen on 127.0.0.1:', err)


class Metrics(Case):
    def test_the_last_snapshot_as_alert_and_in_a_file(self):
        out, _ = self.run_it(f'stdout_output: {{enabled: true}}\njson_output: true\n'
                             f'metrics: {{enabled: true, output_rule: true, output_file: {self.path("m")}}}', events='abc')
        snapshot = json.loads(out.splitlines()[-1])
        self.assertEqual(('Falco internal: metrics snapshot', 'internal', 'Informational'),
                         (snapshot['rule'], snapshot['source'], snapshot['priority']))
        self.assertNotIn('tags', snapshot)
        self.assertEqual((3, 3, 3), tuple(snapshot['output_fields'][k] for k in
                                          ['falco.num_evts', 'falco.rules.matches_total', 'falco.rules.Directory_made']))
        self.assertEqual(snapshot['output_fields'], json.loads((self.directory / 'm').read_text())['output_fields'])


if __name__ == '__main__':
    unittest.main()
