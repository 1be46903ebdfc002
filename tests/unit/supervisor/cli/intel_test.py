"""`undercoat rules intel build`: what is taken out of feeds, what is refused, and that the lists load and work."""
import os
import pathlib
import subprocess
import tempfile
import unittest

UNDERCOAT = os.environ['UNDERCOAT']
PACKS = pathlib.Path(__file__).resolve().parents[4] / 'rules/packs'
SHA = 'AB' * 32


def undercoat(*arguments, **options):
    return subprocess.run([UNDERCOAT, *map(str, arguments)], capture_output=True, text=True, **options)


def build(text, *options):
    return undercoat('rules', 'intel', 'build', *options, '-', input=text)


class Intel(unittest.TestCase):
    maxDiff = None

    def items(self, text):
        """{list: items} that come of a feed."""
        r = build(text)
        self.assertEqual(0, r.returncode, r.stderr)
        lists, name = {}, ''
        for line in r.stdout.splitlines():
            if line.startswith('- list: '):
                name = line.removeprefix('- list: uc_intel_')
            elif line.startswith('    - '):
                lists.setdefault(name, []).append(line.removeprefix('    - ').strip('"'))
        return lists

    def test_kinds(self):
        self.assertEqual({'addresses': ['192.0.2.1', '2001:db8::1'], 'networks': ['198.51.100.0/24'], 'hosts': ['bad.example'],
                          'hashes': [SHA.lower()], 'paths': ['/tmp/x']},
                         self.items(f'192.0.2.1\n2001:DB8:0::1\n198.51.100.0/24\nBad.Example.\n{SHA}\n/tmp/x\n'))

    def test_forms_of_feeds(self):
        feed = ('# comment\n\n; comment\n// comment\nhxxps://evil[.]example/path?x=1\nhttp://user@192.0.2.7:8080/a\n*.wild.example\n'
                '0.0.0.0 sink.example\n"csv.example","2026-01-01","c2"\n12,csv2.example,x\nhost.example:443 # port\n[2001:db8::2]:443\n')
        self.assertEqual({'addresses': ['192.0.2.7', '2001:db8::2'],
                          'hosts': ['csv.example', 'csv2.example', 'evil.example', 'host.example', 'sink.example', 'wild.example']},
                         self.items(feed))

    def test_what_would_alarm_about_everything_is_refused(self):
        r = build('0.0.0.0/0\n127.0.0.1\n::1\nlocalhost\n10.0.0.0/4\n' + 'd41d8cd98f00b204e9800998ecf8427e\n/\n')
        self.assertEqual((1, ''), (r.returncode, r.stdout))
        self.assertIn('7 of 7 lines have no indicator', r.stderr)

    def test_a_feed_cannot_write_rules(self):
        r = build('ok.example\n/tmp/"\n- rule: x\n/tmp/a"]\\\n\x1b[2Jx\nbad.example" ]\n')
        self.assertEqual(0, r.returncode)
        self.assertNotIn('- rule: x', r.stdout)
        self.assertEqual(0, undercoat('rules', 'check', '/dev/stdin', input=r.stdout).returncode)
        self.assertNotIn('\x1b', r.stderr)

    def test_missing_feed(self):
        r = undercoat('rules', 'intel', 'build', '/nowhere/feed')
        self.assertEqual(1, r.returncode)
        self.assertIn('/nowhere/feed cannot be read', r.stderr)

    def test_lists_are_used_beside_the_packs_or_instead(self):
        with tempfile.TemporaryDirectory() as scratch:
            for options, old in ((['--append'], True), ([], False)):
                made = pathlib.Path(scratch, 'intel.yaml')
                made.write_text(build('203.0.113.9\n', *options).stdout)
                test = pathlib.Path(scratch, 'test.yaml')
                event = 'events: [{type: connect, fields: {fd.type: ipv4, fd.sip: %s, proc.name: x}}]'
                rule = 'Known bad address contacted'
                test.write_text(f'rules: [{PACKS}, intel.yaml]\ntests:\n'
                                f'  - {{name: new, only: [{rule}], alerts: [{rule}], {event % "203.0.113.9"}}}\n'
                                f'  - {{name: old, only: [{rule}], alerts: [{rule if old else ""}], {event % "192.0.2.66"}}}\n')
                r = undercoat('rules', 'test', test)
                self.assertIn('2 passed, 0 failed', r.stdout, r.stdout + r.stderr)


    def test_hashes_switch_their_rule_on(self):
        with tempfile.TemporaryDirectory() as scratch:
            made = pathlib.Path(scratch, 'intel.yaml')
            made.write_text(build(SHA, '--append').stdout)
            for more, state in (([made], 'enabled'), ([], 'disabled')):
                r = undercoat('rules', 'list', PACKS, *more)
                self.assertRegex(r.stdout, rf'{state} +Known malicious program executed\n', r.stdout + r.stderr)


if __name__ == '__main__':
    unittest.main()
