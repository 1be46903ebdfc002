"""The running collector over HTTPS: the API as collector/api/openapi.yaml describes it, who may use it, and bad input.

Must stay true: every answer that is looked at is checked against the description; waiting is for a condition with a deadline. The same
tests hold for each store: STORE names it (stores.py)."""
import base64
import json
import os
import pathlib
import re
import signal
import threading
import unittest
import urllib.parse

import yaml

import stores
from support import FALCO, SLOW, HostileInput, batch, frame, hello, member, wait_for

API = yaml.safe_load((pathlib.Path(os.environ['SOURCE_ROOT']) / 'collector/api/openapi.yaml').read_text())


def resolved(node):
    while '$ref' in node:
        target = API
        for part in node['$ref'].removeprefix('#/').split('/'):
            target = target[part]
        node = target
    return node


def mismatch(value, schema, where='answer'):
    """What is wrong with a value by its schema, or None. The part of JSON Schema that the description uses."""
    schema = resolved(schema)
    if value is None:
        return None if schema.get('nullable') else f'{where} is null'
    kinds = {'object': dict, 'array': list, 'string': str, 'boolean': bool, 'integer': int}
    if 'type' in schema and (not isinstance(value, kinds[schema['type']]) or (schema['type'] == 'integer' and isinstance(value, bool))):
        return f'{where} is no {schema["type"]}: {value!r}'
    if 'enum' in schema and value not in schema['enum']:
        return f'{where} is {value!r}'
    if schema.get('format') == 'date-time' and not re.fullmatch(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z', value):
        return f'{where} is no time: {value!r}'
    if isinstance(value, dict):
        for name in schema.get('required', []):
            if name not in value:
                return f'{where} lacks {name}'
        for name, inner in value.items():
            known = schema.get('properties', {}).get(name, schema.get('additionalProperties', True))
            if known is False:
                return f'{where} has {name}'
            if isinstance(known, dict) and (wrong := mismatch(inner, known, f'{where}.{name}')):
                return wrong
    if isinstance(value, list):
        if not schema.get('minItems', 0) <= len(value) <= schema.get('maxItems', len(value)):
            return f'{where} has {len(value)} items'
        for i, inner in enumerate(value):
            if wrong := mismatch(inner, schema.get('items', {}), f'{where}[{i}]'):
                return wrong
    return None


RULE = '''
- rule: One
  desc: d
  condition: proc.name = cat
  output: x
  priority: INFO
'''


def setUpModule():
    stores.start()


def tearDownModule():
    stores.close()


class Collector(HostileInput, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = stores.collector()
        cls.api_key = cls.server.add_key('tests', 'api')
        cls.admin_key = cls.server.add_key('admin', 'admin')

    @classmethod
    def tearDownClass(cls):
        cls.server.close()

    def get(self, path, expected=200, **parameters):
        """GET by the API key; the answer, checked against the description."""
        query = '?' + urllib.parse.urlencode(parameters) if parameters else ''
        status, _, body = self.server.request('GET', path + query, headers={'Authorization': 'Bearer ' + self.api_key})
        self.assertEqual(status, expected, body)
        self.check('get', path, status, body)
        return json.loads(body)

    def check(self, method, path, status, body):
        template = next(t for t in API['paths'] if re.fullmatch(re.sub(r'\{\w+\}', '[^/]+', t), path))
        response = resolved(API['paths'][template][method]['responses'][str(status)])
        schema = response['content']['application/json']['schema']
        self.assertIsNone(mismatch(json.loads(body), schema), f'{method} {path}')

    def post_alert(self, alert, key=None):
        """Returns when it is stored: a backbone keeps it first."""
        before = self.number('alerts_stored_total')
        answer = self.server.request('POST', '/', json.dumps(alert), {'Authorization': 'Bearer ' + (key or self.server.key)})
        if answer[0] == 200:
            wait_for(lambda: self.number('alerts_stored_total') > before, 'the alert is stored')
        return answer

    def login(self, password=None, **headers):
        body = json.dumps({'user': 'admin', 'password': password or self.server.password})
        return self.server.request('POST', '/api/v1/login', body, {'Content-Type': 'application/json', **headers})

    def test_every_described_path_is_there_and_wants_a_login(self):
        for path, methods in API['paths'].items():
            for method, about in methods.items():
                status, _, body = self.server.request(method.upper(), path.replace('{id}', 'x'), '{}' if method == 'post' else None)
                if about.get('security', API['security']) == []:
                    self.assertIn(status, (200, 415), path)
                else:
                    self.assertEqual(status, 401, path)
                    self.check(method, path.replace('{id}', 'x'), status, body)

    def test_what_is_not_described_is_not_there(self):
        for method, path in (('GET', '/api/v1/none'), ('GET', '/api/v1/alerts/a/b'), ('GET', '/api/'), ('PUT', '/x')):
            self.assertEqual(self.server.request(method, path)[0], 404, path)
        self.assertEqual(self.server.request('DELETE', '/api/v1/alerts')[0], 405)

    def test_an_alert_of_falco_is_found_again(self):
        alert = {**FALCO, 'output_fields': {**FALCO['output_fields'], 'proc.name': 'found-again'}}
        status, _, body = self.post_alert(alert)
        self.assertEqual((status, json.loads(body)), (200, {'ok': True}))
        page = self.get('/api/v1/alerts', filter='proc.name = found-again and alert.tags = T1059', priority='warning', q='shell spawned')
        self.assertEqual(len(page['alerts']), 1)
        found = page['alerts'][0]
        self.assertEqual(found['output'], 'A shell was spawned (user=root)')
        self.assertEqual(found['fields'], alert['output_fields'])
        self.assertEqual(found['time'], alert['time'])
        self.assertEqual(self.get('/api/v1/alerts/' + found['id']), found)
        self.assertEqual(self.get('/api/v1/alerts', filter='proc.name = found-again', priority='error')['alerts'], [])
        top = self.get('/api/v1/stats/top', field='proc.name', filter='proc.name = found-again')
        self.assertEqual(top['values'], [{'value': 'found-again', 'count': 1}])
        bars = self.get('/api/v1/stats/histogram', **{'from': '2026-01-01T09:00:00Z', 'to': '2026-01-01T11:00:00Z', 'step': '3600'})
        self.assertGreaterEqual(bars['bars'][1]['counts'][4], 1)
        basic = base64.b64encode(f'x:{self.server.key}'.encode()).decode()
        self.assertEqual(self.server.request('POST', '/', json.dumps(FALCO), {'Authorization': 'Basic ' + basic})[0], 200)

    def test_pages_follow_each_other(self):
        for i in range(7):
            self.post_alert({**FALCO, 'rule': 'Paging', 'output': f'number {i}'})
        seen, cursor = [], {}
        for _ in range(10):
            page = self.get('/api/v1/alerts', filter='alert.rule = Paging', limit='3', **cursor)
            seen += [a['output'] for a in page['alerts']]
            if page['next'] is None:
                break
            cursor = {'before': page['next']}
        self.assertEqual(seen, [f'number {i}' for i in reversed(range(7))])

    def test_bad_parameters_are_named(self):
        wrong = self.get('/api/v1/alerts', 400, filter='proc.name = ')
        self.assertIn('offset', wrong)
        for path, parameters in (('/api/v1/alerts', {'limit': '0'}), ('/api/v1/alerts', {'before': 'x'}), ('/api/v1/alerts', {'nothing': '1'}),
                                 ('/api/v1/alerts', {'priority': 'huge'}), ('/api/v1/alerts', {'from': 'yesterday'}),
                                 ('/api/v1/stats/top', {}), ('/api/v1/stats/histogram', {'step': '61'}), ('/api/v1/filter/check', {'filter': '('})):
            self.assertTrue(self.get(path, 400, **parameters)['error'], path)
        self.get('/api/v1/alerts/9-9', 404)
        self.get('/api/v1/agents/none', 404)

    def test_state_and_metrics_tell_the_same_numbers(self):
        numbers = self.get('/api/v1/status')['numbers']
        text = self.server.request('GET', '/metrics')[2].decode()
        self.assertEqual(sorted(re.findall(r'^undercoat_collector_(\w+) \d+$', text, re.M)), sorted(numbers))
        self.get('/api/v1/agents')
        self.assertEqual(self.server.request('GET', '/readyz')[0], 200)

    def test_a_session_is_guarded_against_forged_requests(self):
        status, headers, body = self.login()
        self.assertEqual(status, 200, body)
        self.check('post', '/api/v1/login', status, body)
        for part in ('HttpOnly', 'Secure', 'SameSite=Strict', 'Path=/'):
            self.assertIn(part, headers['set-cookie'])
        cookie = headers['set-cookie'].split(';')[0]
        status, _, again = self.server.request('GET', '/api/v1/session', headers={'Cookie': cookie})
        self.assertEqual((status, json.loads(again)), (200, json.loads(body)))
        token = json.loads(body)['csrf']
        for extra in ({}, {'X-CSRF-Token': 'x'}, {'X-CSRF-Token': token, 'Origin': 'https://evil.example'}):
            self.assertEqual(self.server.request('POST', '/api/v1/logout', '', {'Cookie': cookie, **extra})[0], 403, extra)
        self.assertEqual(self.server.request('POST', '/api/v1/logout', '', {'Cookie': cookie, 'X-CSRF-Token': token})[0], 200)
        self.assertEqual(self.server.request('GET', '/api/v1/alerts', headers={'Cookie': cookie})[0], 401)

    def test_a_relay_speaks_for_others_also_for_those_it_has_not_named(self):
        key = self.server.add_key('relays', 'relay')
        w = self.websocket('/agent/v1', Authorization='Bearer ' + key)
        w.send(batch(b'unnamed', [1]), 2)
        self.assertEqual(w.receive()[0], 8, 'its own Hello comes first')
        w = self.websocket('/agent/v1', Authorization='Bearer ' + key)
        for message in (frame(member(1, b'relay'), member(2, member(1, 1) + member(9, 1))), hello(b'behind'), batch(b'behind', [1]), batch(b'unnamed', [1])):
            w.send(message, 2)
            self.assertEqual(w.receive()[0], 2)
        names = {a['id']: a['via'] for a in self.get('/api/v1/agents')['agents']}
        self.assertEqual((names['behind'], names.get('unnamed')), ('relay', None))

    def test_words_are_split_as_the_index_splits_them(self):
        self.post_alert({**FALCO, 'output': 'a shell\u2014spawned in the caf\u00e9\u2019s container'})
        for q in ('shell\u2014spawned', 'CAFE\u2019S', 'caf*', '\u2014'):
            self.assertTrue(self.get('/api/v1/alerts', q=q)['alerts'], q)
        self.assertEqual(self.get('/api/v1/alerts', q='shellspawned')['alerts'], [])

    def ask(self, method, path, body=None, key=None, **headers):
        """Status and answer, which is checked against the description."""
        status, _, text = self.server.request(method, path, body if isinstance(body, str) else json.dumps(body) if body is not None else None,
                                              {'Authorization': 'Bearer ' + (key or self.admin_key), **headers})
        self.check(method.lower(), path, status, text)
        return status, json.loads(text)

    def test_rulesets_are_checked_versioned_and_removed(self):
        good = {'name': 'a.yaml', 'content': RULE}
        bad = {'name': 'b.yaml', 'content': RULE.replace('proc.name', 'proc.nome')}
        self.assertEqual(self.ask('POST', '/api/v1/rulesets/check', {'files': [good]}, self.api_key)[1]['rules'], 1)
        status, answer = self.ask('POST', '/api/v1/rulesets/check', {'files': [good, bad]}, self.api_key)
        self.assertEqual((status, answer['errors'][0]['file'], answer['errors'][0]['line']), (422, 'b.yaml', 4))
        self.assertRegex(answer['error'], r'^b\.yaml:4:\d+: ')
        self.assertEqual(self.ask('PUT', '/api/v1/rulesets/r', {'files': [good]}, self.api_key)[0], 401)
        self.assertEqual(self.ask('PUT', '/api/v1/rulesets/r', {'files': [good], 'scope': 'agent.mode = full'})[1]['version'], 'r@1')
        self.assertEqual(self.ask('PUT', '/api/v1/rulesets/r', {'files': [bad]})[0], 422)
        self.assertEqual(self.ask('PUT', '/api/v1/rulesets/r', {'files': [good], 'scope': 'agent.mode ='})[0], 422)
        self.assertEqual(self.ask('PUT', '/api/v1/rulesets/r', {'files': [good, good], 'position': 1})[0], 200)
        found = self.get('/api/v1/rulesets/r')
        self.assertEqual((found['version'], found['scope'], found['numbers'], found['author']), ('r@2', '', [2, 1], 'key admin'))
        self.assertEqual(found['files'][0]['content'], RULE)
        self.assertEqual(self.get('/api/v1/rulesets/r', number='1')['scope'], 'agent.mode = full')
        self.assertEqual(self.ask('PUT', '/api/v1/rulesets/q', {'files': [good]})[0], 200)
        self.assertEqual([r['name'] for r in self.get('/api/v1/rulesets')['rulesets']], ['r', 'q'])
        for name in 'rq':
            self.assertEqual(self.ask('DELETE', '/api/v1/rulesets/' + name)[0], 200)
        self.get('/api/v1/rulesets/r', 404)
        self.assertEqual(self.ask('DELETE', '/api/v1/rulesets/r')[0], 404)
        self.assertEqual(self.ask('PUT', '/api/v1/rulesets/r', {'files': [good]})[1]['version'], 'r@4', 'no version twice')
        self.assertEqual(self.ask('DELETE', '/api/v1/rulesets/r')[0], 200)

    def test_what_an_agent_could_not_load_is_told(self):
        rules = {'files': [{'name': 'a.yaml', 'content': RULE}], 'scope': 'agent.id = picky'}
        self.assertEqual(self.ask('PUT', '/api/v1/rulesets/picky', rules)[1]['version'], 'picky@1')
        w = self.websocket('/agent/v1', Authorization='Bearer ' + self.server.key)
        w.send(hello(b'picky'), 2)
        self.assertEqual([w.receive()[0], w.receive()[0]], [2, 2], 'the welcome and the rules')
        w.send(frame(member(1, b'picky'), member(5, member(1, b'picky@1') + member(3, b'a.yaml:1:2: no'))), 2)
        told = wait_for(lambda: (a := self.get('/api/v1/agents/picky'))['rules_refused'] and a, 'the refusal arrives')
        self.assertEqual((told['rules_refused'], told['rules_message'], told['rules_assigned']), ('picky@1', 'a.yaml:1:2: no', 'picky@1'))
        self.assertEqual(self.get('/api/v1/rulesets/picky')['agents'], {'assigned': 1, 'applied': 0, 'refused': 1})
        w.send(frame(member(1, b'picky'), member(5, member(1, b'picky@1') + member(2, 1))), 2)
        wait_for(lambda: self.get('/api/v1/rulesets/picky')['agents'] == {'assigned': 1, 'applied': 1, 'refused': 0}, 'it is applied after all')
        self.assertEqual(self.ask('DELETE', '/api/v1/rulesets/picky')[0], 200)
        self.assertEqual(w.receive()[0], 2, 'its own rules again')

    def test_uploads_that_are_none_are_refused(self):
        for body in ('', '[]', '{}', {'files': []}, {'files': [1]}, {'files': [{'name': '', 'content': ''}]}, {'files': [{'name': 'x'}]},
                     {'files': [{'name': 'x', 'content': 'x'}] * 257}, {'files': [{'name': 'x', 'content': ''}], 'scope': 1},
                     {'files': [{'name': 'x', 'content': ''}], 'position': -1}):
            self.assertEqual(self.ask('PUT', '/api/v1/rulesets/r', body)[0], 400, body)
        for name in ('%2e%2e%00', 'a%20b', 'x' * 65, 'check'):
            self.assertIn(self.server.request('PUT', '/api/v1/rulesets/' + name, json.dumps({'files': [{'name': 'x', 'content': RULE}]}),
                                              {'Authorization': 'Bearer ' + self.admin_key})[0], (400, 405), name)
        noise = base64.b64encode(os.urandom(1_500_000)).decode()
        status, answer = self.ask('PUT', '/api/v1/rulesets/r', {'files': [{'name': 'x', 'content': RULE + '# ' + noise}]})
        self.assertEqual((status, 'larger' in answer['error']), (422, True))
        self.assertEqual(self.ask('PUT', '/api/v1/rulesets/r', {'files': [{'name': 'x', 'content': '[' * 100_000}]})[0], 422)
        self.get('/api/v1/rulesets/r', 404)

    def test_other_sites_and_forms_cannot_log_in(self):
        self.assertEqual(self.login(Origin='https://evil.example')[0], 403)
        self.assertEqual(self.server.request('POST', '/api/v1/login', 'user=admin', {'Content-Type': 'text/plain'})[0], 415)

    def test_keys_work_for_their_role_only(self):
        self.assertEqual(self.post_alert(FALCO, self.api_key)[0], 401)
        self.assertEqual(self.server.request('GET', '/api/v1/alerts', headers={'Authorization': 'Bearer ' + self.server.key})[0], 401)

    def test_secrets_are_shown_once_and_not_kept(self):
        kept = stores.used.kept(self.server)
        self.assertNotIn(self.server.password.encode(), kept)
        self.assertNotIn(self.server.key.encode(), kept)
        self.assertNotIn(self.server.key, self.server.log())

    def test_every_answer_is_hardened(self):
        for path in ('/', '/api/v1/alerts', '/metrics', '/none.js'):
            headers = self.server.request('GET', path)[1]
            self.assertIn("default-src 'none'", headers['content-security-policy'], path)
            self.assertNotIn('unsafe', headers['content-security-policy'])
            self.assertEqual(headers['x-content-type-options'], 'nosniff')

    def test_payloads_that_are_none_are_refused(self):
        key = {'Authorization': 'Bearer ' + self.server.key}
        for body in ('', '[]', '{}', '{"rule":1}', '\x00', '[' * 10000):
            self.assertEqual(self.server.request('POST', '/', body, key)[0], 400)
        head = f'POST / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.server.key}\r\nContent-Length: 300000\r\n\r\n'
        self.assertIn(b' 413 ', self.raw(head.encode()))

    def test_texts_of_attackers_stay_texts(self):
        evil = '<img src=x onerror=alert(1)>\x1b[2J\u202e"\'; DROP TABLE alerts;--'
        self.assertEqual(self.post_alert({**FALCO, 'rule': 'Evil', 'output': evil, 'hostname': evil, 'tags': [evil],
                                          'output_fields': {evil: evil}})[0], 200)
        page = self.get('/api/v1/alerts', filter='alert.rule = Evil')
        self.assertEqual(page['alerts'][0]['output'], evil)
        self.assertEqual(page['alerts'][0]['fields'], {evil: evil})

    def test_what_is_no_http_is_refused(self):
        self.assertIn(b' 400 ', self.raw(b'\x00\x01\x02\r\n\r\n'))
        self.assertIn(b' 431 ', self.raw(b'GET / HTTP/1.1\r\nHost: x\r\nX: ' + b'a' * 100_000 + b'\r\n\r\n'))
        self.assertIn(b' 400 ', self.raw(b'GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n'))
        for path in (b'/../../etc/passwd', b'/%2e%2e/%2e%2e/etc/passwd', b'//etc/passwd', b'/assets/..%2f..%2fetc/passwd'):
            self.assertNotIn(b'root:', self.raw(b'GET ' + path + b' HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'))
        self.assertIn(b' 413 ', self.raw(b'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 104857600\r\n\r\n'))

    def test_new_alerts_are_streamed_through_a_filter(self):
        w = self.websocket('/api/v1/live', Authorization='Bearer ' + self.api_key)
        self.assertEqual(w.status, 101)
        w.send(b'{"type":"subscribe","filter":"proc.name = "}')
        wrong = w.json()
        self.assertEqual(wrong['type'], 'error')
        self.assertGreater(wrong['offset'], 5)
        w.send(b'no json')
        self.assertEqual(w.json()['type'], 'error')
        w.send(json.dumps({'type': 'subscribe', 'filter': 'proc.name = streamed', 'priority': 'error', 'q': 'Shell'}).encode())
        self.assertEqual(w.json(), {'type': 'subscribed'})
        for name, priority, output in (('other', 'Error', 'a shell'), ('streamed', 'Notice', 'a shell'), ('streamed', 'Error', 'no'),
                                       ('streamed', 'Error', 'the shell')):
            self.post_alert({**FALCO, 'rule': 'r', 'output': output, 'priority': priority, 'output_fields': {'proc.name': name}})
        message = w.json()
        self.assertEqual([a['output'] for a in message['alerts']], ['the shell'])
        self.assertEqual(message['skipped'], 0)
        alert = next(iter(message['alerts']))
        self.assertEqual(self.get('/api/v1/alerts/' + alert['id']), alert)

    def test_the_stream_wants_a_login_and_its_own_page(self):
        self.assertEqual(self.websocket('/api/v1/live').status, 401)
        self.assertEqual(self.websocket('/api/v1/live', Authorization='Bearer ' + self.api_key, Origin='https://evil.example').status, 403)
        cookie = self.login()[1]['set-cookie'].split(';')[0]
        self.assertEqual(self.websocket('/api/v1/live', Cookie=cookie, Origin='https://evil.example').status, 403)
        self.assertEqual(self.websocket('/api/v1/live', Cookie=cookie, Origin=f'https://localhost:{self.server.port}').status, 101)
        self.assertEqual(self.websocket('/none', Cookie=cookie).status, 404)

    def test_a_stream_ends_with_its_session_or_key(self):
        answer = self.login()
        cookie, csrf = answer[1]['set-cookie'].split(';')[0], json.loads(answer[2])['csrf']
        key = self.server.command('key', 'add', 'watcher', '--role', 'api').stdout.strip()
        by_session, by_key, other = (self.websocket('/api/v1/live', **h) for h in (
            {'Cookie': cookie}, {'Authorization': 'Bearer ' + key}, {'Authorization': 'Bearer ' + self.api_key}))
        for w in (by_session, by_key, other):
            # Another test's alerts may still be on their way into the store.
            w.send(json.dumps({'type': 'subscribe', 'filter': "alert.rule = 'after the end'"}).encode())
            self.assertEqual(w.json(), {'type': 'subscribed'})
        self.assertLess(self.server.request('POST', '/api/v1/logout', '', {'Cookie': cookie, 'X-CSRF-Token': csrf})[0], 300)
        self.assertEqual((1008, b'the session or the key has ended'), by_session.closing())
        self.server.command('key', 'remove', 'watcher')
        self.assertEqual(1008, by_key.closing()[0])
        self.post_alert({**FALCO, 'rule': 'after the end'})
        self.assertEqual(['after the end'], [a['rule'] for a in other.json()['alerts']])

    def test_a_second_collector_does_not_take_the_directory(self):
        r = self.server.command('--listen', '127.0.0.1:0')
        self.assertEqual(r.returncode, 1)
        self.assertIn('Another collector uses', r.stderr)


class Restarts(unittest.TestCase):
    def setUp(self):
        self.server = stores.collector()
        self.addCleanup(self.server.close)

    def test_alerts_and_accounts_outlive_a_kill(self):
        for i in range(5):
            status = self.server.request('POST', '/', json.dumps({**FALCO, 'output': f'n{i}'}), {'Authorization': 'Bearer ' + self.server.key})[0]
            self.assertEqual(status, 200)
        self.server.stop(signal.SIGKILL)
        self.server.start()
        key = self.server.add_key('t', 'api')
        found = wait_for(lambda: len(f := json.loads(self.server.request('GET', '/api/v1/alerts', headers={'Authorization': 'Bearer ' + key})[2])['alerts']) == 5 and f,
                         'all are stored')
        outputs = [a['output'] for a in found]
        if stores.STORE == 'nats':  # what the killed one had in hand comes after the rest
            outputs.sort(reverse=True)
        self.assertEqual(outputs, [f'n{i}' for i in reversed(range(5))])
        self.assertEqual(self.server.output().count('password'), 1, 'the first start is once')
        self.assertEqual(self.server.stop(), 0)

    def test_while_the_store_refuses_others_are_told_so(self):
        def post():
            return self.server.request('POST', '/', json.dumps(FALCO), {'Authorization': 'Bearer ' + self.server.key})[0]
        answers = []
        first = threading.Thread(target=lambda: answers.append(post()))
        with stores.used.refusing(self.server):
            first.start()
            wait_for(lambda: self.server.request('GET', '/readyz')[0] == 503, 'the store refuses')
            self.assertEqual(post(), 503)
        first.join(SLOW)
        self.assertEqual(answers, [200], 'what was taken is stored when it can be')

    def test_guessing_is_slowed_down(self):
        body, statuses = json.dumps({'user': 'admin', 'password': 'guess'}), set()

        def refused_for_a_while():
            statuses.add(self.server.request('POST', '/api/v1/login', body, {'Content-Type': 'application/json'})[0])
            return 429 in statuses
        wait_for(refused_for_a_while, 'guesses are slowed down')
        self.assertEqual(statuses, {401, 429})


if __name__ == '__main__':
    unittest.main(verbosity=2)
