"""Bad input: each a message that says where and what to do; never a crash, never a workload that fails because of us."""
import os
import subprocess
import unittest

from harness import BUNDLE, Case

GOOD = '''
- rule: R
  desc: d
  condition: evt.type=openat
  output: o
  priority: NOTICE
'''


class Rules(Case):
    """A rules file that cannot be used: the workload runs, and the message names file, line and column."""

    def complaint(self, text, *parts):
        bad = self.dir / 'bad.yaml'
        bad.write_bytes(text if isinstance(text, bytes) else text.encode())
        with self.subTest('check'):
            r = subprocess.run([BUNDLE / 'bin/undercoat', 'rules', 'check', bad], capture_output=True, text=True,
                               errors='replace', timeout=60, env=self.environment())
            self.assertNotIn(r.returncode, (0, -6, -11), r.stdout + r.stderr)
            for part in parts:
                self.assertIn(part, r.stdout + r.stderr)
        with self.subTest('run'):
            done = self.run_under('sh', '-c', 'echo works; exit 3', rules=[bad])
            self.assertEqual((3, 'works\n'), (done.returncode, done.out), done.err)
            self.assertIn('No rules are in use', done.err)
            for part in parts:
                self.assertIn(part, done.err)

    def test_a_tab(self):
        self.complaint('- rule: R\n\tdesc: d\n', 'bad.yaml:2:')

    def test_an_unknown_field(self):
        self.complaint(GOOD.replace('evt.type=openat', 'evt.type=openat and proc.nmae=x'), 'bad.yaml:', 'proc.nmae')

    def test_a_condition_that_does_not_parse(self):
        self.complaint(GOOD.replace('evt.type=openat', 'evt.type=openat and and fd.num>1'), 'bad.yaml:4:')

    def test_garbage(self):
        self.complaint(bytes(range(256)) * 8, 'bad.yaml')

    def test_an_unclosed_quote(self):
        self.complaint(GOOD.replace('output: o', 'output: "o'), 'bad.yaml:')

    def test_not_a_list(self):
        self.complaint('rule: R\n', 'bad.yaml')

    def test_an_unreadable_file(self):
        for path in (self.dir / 'absent.yaml', self.dir):
            with self.subTest(path=path.name):
                done = self.run_under('sh', '-c', 'echo works', rules=[path])
                self.assertEqual((0, 'works\n'), (done.returncode, done.out), done.err)
                if path != self.dir:
                    self.assertIn(str(path), done.err)

    def test_one_bad_file_beside_a_good_one_is_named(self):
        (self.dir / 'bad.yaml').write_text('- rule: [\n')
        done = self.run_under('cat', '/etc/shadow', rules=[self.rules_file, self.dir / 'bad.yaml'])
        self.assertEqual(0, done.returncode)
        self.assertIn('bad.yaml', done.err)


class Outputs(Case):
    def test_an_alerts_file_that_cannot_be_written(self):
        for path in ('/nonexistent/dir/alerts', '/proc/version', str(self.dir)):
            with self.subTest(path=path):
                done = self.run_under('sh', '-c', 'cat /etc/shadow >/dev/null; echo works', options=['--alerts', path])
                self.assertEqual((0, 'works\n'), (done.returncode, done.out), done.err)
                self.assertIn(path, done.err)

    def test_a_full_disk(self):
        if not os.path.exists('/dev/full'):
            self.skipTest('/dev/full is not there')
        done = self.run_under('sh', '-c', 'cat /etc/shadow >/dev/null; echo works', options=['--alerts', '/dev/full'])
        self.assertEqual((0, 'works\n'), (done.returncode, done.out), done.err)
        self.assertIn('/dev/full', done.err)

    def test_alerts_on_stderr_and_stdout(self):
        done = self.run_under('cat', '/etc/shadow', options=['--alerts', 'stderr'])
        self.assertIn('Test shadow read', done.err)
        self.assertNotIn('Test shadow read', done.out)
        done = self.run_under('cat', '/etc/shadow', options=['--alerts', 'stdout'])
        self.assertIn('Test shadow read', done.out)


class Settings(Case):
    def test_a_bad_variable_is_named(self):
        done = self.run_under('true', env={'UNDERCOAT_LOGGING': 'loud'})
        self.assertIn('UNDERCOAT_LOGGING', done.err)
        self.assertIn('loud', done.err)

    def test_a_bad_value_is_2(self):
        for option in ('--mode', '--trap', '--format', '--rule-matching', '--log'):
            r = subprocess.run([BUNDLE / 'bin/instrument', option, 'half', '--', 'true'], capture_output=True, text=True)
            self.assertEqual(2, r.returncode, option)
            self.assertIn(f"{option} is 'half'; allowed are ", r.stderr)

    def test_an_unknown_command_is_named(self):
        r = subprocess.run([BUNDLE / 'bin/undercoat', 'bogus'], capture_output=True, text=True)
        self.assertEqual((2, "undercoat: 'bogus' is no command; undercoat --help lists them.\n"), (r.returncode, r.stderr))
        helps = [subprocess.run([BUNDLE / 'bin/undercoat', *words], capture_output=True, text=True) for words in ([], ['help'], ['--help'])]
        self.assertEqual({0}, {r.returncode for r in helps})
        self.assertEqual({helps[2].stdout}, {r.stdout for r in helps})
        self.assertIn('Usage: undercoat ', helps[0].stdout)


if __name__ == '__main__':
    unittest.main()
