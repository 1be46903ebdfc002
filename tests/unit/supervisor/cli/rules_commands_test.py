#!/usr/bin/env python3
"""`undercoat rules …` and `undercoat replay` as a person calls them. UNDERCOAT names the program."""
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

PROGRAM = os.environ['UNDERCOAT']

RULES = '''
- list: secret_files
  items: [/etc/shadow, /etc/gshadow]
- list: nobody_asks
  items: [a]
- macro: reading
  condition: (evt.type in (open, openat) and evt.is_open_read=true)
- rule: Secret read
  desc: somebody reads a secret
  condition: reading and fd.name in (secret_files) and not proc.name = sshd
  output: secret read | file=%fd.name by=%proc.name
  priority: WARNING
  tags: [b, a]
- rule: Any directory made
  desc: d
  condition: evt.type = mkdir
  output: made %evt.arg.path
  priority: INFO
- rule: Switched off
  desc: d
  condition: evt.type = chdir
  output: x
  priority: INFO
  enabled: false
'''

TESTS = '''
rules: rules.yaml
tests:
  - name: a stranger
    events:
      - type: openat
        fields: {fd.name: /etc/shadow, evt.is_open_read: true, proc.name: cat}
    alerts:
      - {rule: Secret read, priority: Warning, output: secret read | file=/etc/shadow by=cat}
  - name: the trusted
    events:
      - type: openat
        fields: {fd.name: /etc/shadow, evt.is_open_read: true, proc.name: sshd}
    alerts: []
  - name: as recorded
    events:
      - event: {type: openat, pid: 5, result: 3, params: {fd: 3, dirfd: -100, name: /etc/gshadow, flags: 1, mode: 0}}
      - event: {type: mkdir, pid: 5, result: 0, params: {res: 0, path: /tmp/x, mode: 511}}
    only: [Secret read]
    alerts: [Secret read]
'''


class Case(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        self.addCleanup(self.directory.cleanup)
        self.write('rules.yaml', RULES)

    def write(self, name, content):
        pathlib.Path(self.directory.name, name).write_text(content)

    def run_it(self, *words, status=0, text=None):
        done = subprocess.run([PROGRAM, *words], cwd=self.directory.name, capture_output=True, text=True, input=text, timeout=60)
        self.assertEqual(status, done.returncode, done.stdout + done.stderr)
        return done.stdout + done.stderr


class Listing(Case):
    def test_rules_macros_and_lists(self):
        self.assertEqual('Warning       enabled  Secret read\nInformational enabled  Any directory made\n'
                         'Informational disabled Switched off\n', self.run_it('rules', 'list', 'rules.yaml'))
        lists = json.loads(self.run_it('rules', 'list', '--what', 'lists', '--json', 'rules.yaml'))
        self.assertEqual([{'name': 'secret_files', 'items': ['/etc/shadow', '/etc/gshadow'], 'used': True},
                          {'name': 'nobody_asks', 'items': ['a'], 'used': False}], lists)
        self.assertIn('used     reading: (evt.type in', self.run_it('rules', 'list', '--what', 'macros', 'rules.yaml'))

    def test_describe_shows_one_rule_and_suggests_for_a_misspelt_one(self):
        text = self.run_it('rules', 'describe', 'Secret read', '--rules', 'rules.yaml')
        self.assertIn('Events       open, openat\n', text)
        self.assertIn('Lists        secret_files\n', text)
        self.assertIn('fd.name in (/etc/shadow, /etc/gshadow)', text)
        self.assertNotIn('Any directory', text)
        described = json.loads(self.run_it('rules', 'describe', 'Secret read', '--rules', 'rules.yaml', '--json'))
        self.assertEqual('Secret read', described['falco_describe_results']['rules'][0]['info']['name'])
        self.assertIn("did you mean 'Secret read'?", self.run_it('rules', 'describe', 'Secret raed', '--rules', 'rules.yaml', status=1))

    def test_fields_say_which_never_have_a_value(self):
        fields = {f['name']: f for f in json.loads(self.run_it('rules', 'fields', '--json'))}
        self.assertFalse(fields['thread.cpu']['available'])
        self.assertTrue(fields['proc.name']['available'])
        self.assertIn('[always NA]', [line for line in self.run_it('rules', 'fields').splitlines() if line.startswith('thread.cpu ')][0])

    def test_events_say_which_are_captured(self):
        events = {e['name']: e for e in json.loads(self.run_it('rules', 'events', '--json'))}
        self.assertEqual(['fd', 'dirfd', 'name', 'flags', 'mode', 'dev', 'ino'], events['openat']['params'])
        self.assertTrue(events['openat']['captured'])
        self.assertFalse(events['read']['captured'])

    def test_check_in_text_and_json(self):
        self.assertEqual('rules.yaml: Ok, with warnings\n', self.run_it('rules', 'check', 'rules.yaml'))
        self.write('bad.yaml', '- rule: r\n  desc: d\n  condition: evt.type=open and proc.nmae=x\n  output: o\n  priority: INFO\n')
        text = self.run_it('rules', 'check', 'bad.yaml', status=1)
        self.assertTrue(text.startswith('bad.yaml: Invalid\n1 Errors:\n'), text)
        self.assertIn('(bad.yaml:3:', text)
        result = json.loads(self.run_it('rules', 'check', '--json', 'bad.yaml', status=1))['falco_load_results'][0]
        self.assertFalse(result['successful'])
        self.assertEqual('LOAD_ERR_COMPILE_CONDITION', result['errors'][0]['code'])


class Testing(Case):
    def test_passing_tests(self):
        self.write('t.yaml', TESTS)
        self.assertEqual('ok    a stranger\nok    the trusted\nok    as recorded\n3 passed, 0 failed\n', self.run_it('rules', 'test', 't.yaml'))

    def test_a_missing_alert_names_what_was_false(self):
        self.write('t.yaml', TESTS.replace('proc.name: cat', 'proc.name: sshd'))
        text = self.run_it('rules', 'test', 't.yaml', status=1)
        self.assertIn('FAIL  a stranger\n  t.yaml:4\n  - Secret read    (expected in line 9, did not come)\n'
                      '    event 1: proc.name = sshd is true, proc.name = "sshd"\n', text)
        self.assertTrue(text.endswith('2 passed, 1 failed\n'), text)

    def test_an_unexpected_alert_and_a_different_output(self):
        self.write('t.yaml', TESTS.replace('by=cat', 'by=dog').replace('    only: [Secret read]\n', ''))
        text = self.run_it('rules', 'test', 't.yaml', status=1)
        self.assertIn('! Secret read\n    output: expected secret read | file=/etc/shadow by=dog\n'
                      '               got secret read | file=/etc/shadow by=cat\n', text)
        self.assertIn('+ Any directory made    (not expected)\n    made /tmp/x\n', text)
        result = json.loads(self.run_it('rules', 'test', '--json', 't.yaml', status=1))
        self.assertEqual((1, 2), (result['passed'], result['failed']))
        self.assertEqual(['a stranger', 'as recorded'], [t['name'] for t in result['tests'] if not t['passed']])

    def test_alerts_in_another_order(self):
        self.write('t.yaml', """rules: [rules.yaml]
tests:
  - name: two
    events:
      - event: {type: mkdir, pid: 5, result: 0, params: {res: 0, path: /tmp/x, mode: 511}}
      - {type: openat, fields: {evt.is_open_read: true, fd.name: /etc/shadow, proc.name: cat}}
    alerts: [Secret read, Any directory made]
""")
        text = self.run_it('rules', 'test', 't.yaml', status=1)
        self.assertIn('(expected in line 7, came in another order: as alert ', text)
        self.assertNotIn('did not come', text)
        self.assertNotIn('not expected', text)

    def test_what_is_misspelt_is_no_success(self):
        for wrong, right, message in [('alrts:', 'alerts:', "t.yaml:8: a test has no key 'alrts'"),
                                      ('fd.nmae', 'fd.name', 'fd.nmae'),
                                      ('rule: Secret raed', 'rule: Secret read', "did you mean 'Secret read'?"),
                                      ('type: opnat', 'type: openat', "did you mean 'openat'?"),
                                      ('evt.is_open_read: maybe', 'evt.is_open_read: true', 'evt.is_open_read'),
                                      ('only: [Switched off]', 'only: [Secret read]', 'is disabled'),
                                      ('tests:\n  - {name: x, events: []}', 'tests:', "needs 'alerts'")]:
            self.write('t.yaml', TESTS.replace(right, wrong, 1))
            self.assertIn(message, self.run_it('rules', 'test', 't.yaml', status=1))

    def test_a_recording(self):
        self.write('log', '{"type":"openat","pid":5,"result":3,"params":{"fd":3,"dirfd":-100,"name":"/etc/shadow","flags":1,"mode":0}}\n')
        self.write('t.yaml', 'rules: [rules.yaml]\ntests:\n- {name: t, recording: log, alerts: [Secret read]}\n')
        self.run_it('rules', 'test', 't.yaml')
        self.write('log', '{"type":"openat"\n')
        self.assertIn('log:1: ', self.run_it('rules', 'test', 't.yaml', status=1))


class Explaining(Case):
    EVENT = '{"type":"openat","pid":5,"result":3,"params":{"fd":3,"dirfd":-100,"name":"/etc/%s","flags":1,"mode":0}}'

    def test_the_tree_shows_values_and_what_was_not_looked_at(self):
        text = self.run_it('rules', 'explain', 'Secret read', self.EVENT % 'passwd', '--rules', 'rules.yaml')
        self.assertEqual('''Rule 'Secret read' does not match event 1 (openat by process 5)

false  and
true     reading
true       and
true         evt.type in (open, openat)    [evt.type = "openat"]
true         evt.is_open_read = true    [evt.is_open_read = true]
false    fd.name in (/etc/shadow, /etc/gshadow)    [fd.name = "/etc/passwd"]
  -      not
''', text)
        text = self.run_it('rules', 'explain', '--all', 'Secret read', self.EVENT % 'passwd', '--rules', 'rules.yaml')
        self.assertIn('  -        proc.name = sshd    [proc.name = "<NA>"]\n', text)

    def test_of_a_log_the_first_event_that_matches(self):
        log = '\n'.join(self.EVENT % name for name in ['passwd', 'shadow', 'gshadow', 'group'])
        found = json.loads(self.run_it('rules', 'explain', 'Secret read', '-', '--json', '--rules', 'rules.yaml', text=log))
        self.assertEqual({'num': 2, 'type': 'openat', 'pid': 5}, found['event'])
        self.assertTrue(found['matches'])
        self.assertEqual('reading', found['condition']['children'][0]['name'])
        self.assertEqual({'fd.name': '"/etc/shadow"'}, found['condition']['children'][1]['values'])
        last = json.loads(self.run_it('rules', 'explain', 'Secret read', '-', '--num', '4', '--json', '--rules', 'rules.yaml', text=log))
        self.assertFalse(last['matches'])
        self.assertIn('There is no event number 9', self.run_it('rules', 'explain', 'Secret read', '-', '--num', '9',
                                                                '--rules', 'rules.yaml', text=log, status=1))
        self.assertIn('No event is of a type', self.run_it('rules', 'explain', 'Any directory made', '-', '--rules', 'rules.yaml',
                                                           text=log, status=1))


if __name__ == '__main__':
    unittest.main()
