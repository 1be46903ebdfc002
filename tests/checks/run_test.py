#!/usr/bin/env python3
"""tests/run.py counts what other runners say: nothing that they hide, miscount or leave out passes for a success."""
import importlib.util
import pathlib
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
spec = importlib.util.spec_from_file_location('tests_run', ROOT / 'tests/run.py')
run = importlib.util.module_from_spec(spec)
spec.loader.exec_module(run)


class Counts(unittest.TestCase):
    def taken(self, status, text):
        tally = run.Tally()
        run.take_counts(tally, 'runner', subprocess.CompletedProcess([], status, text))
        return tally

    def test_counts_and_lines_are_taken_over(self):
        tally = self.taken(1, 'FAIL a: why\nskip b: why\n7 passed, 1 failed, 1 skipped\n')
        self.assertEqual((7, ['runner: FAIL a: why'], ['runner: skip b: why']), (tally.passed, tally.failures, tally.skips))
        tally = self.taken(0, '3 s; 7 passed, 0 failed\n')
        self.assertEqual((7, [], []), (tally.passed, tally.failures, tally.skips))

    def test_what_does_not_add_up_fails(self):
        for status, text in ((0, '0 passed, 0 failed, 0 skipped\n'),            # nothing ran
                             (1, '7 passed, 0 failed, 0 skipped\n'),            # it failed without saying where
                             (0, 'FAIL a: why\n7 passed, 1 failed, 0 skipped\n'),
                             (1, '7 passed, 1 failed, 0 skipped\n'),            # it does not say what
                             (0, 'FAIL a: why\n7 passed, 0 failed, 0 skipped\n'),
                             (0, '7 passed, 0 failed, 1 skipped\n'),
                             (-11, 'Segmentation fault\n')):
            with self.subTest(text, status=status):
                self.assertTrue(self.taken(status, text).failures)


class Scenarios(unittest.TestCase):
    def test_what_is_expected_must_be_there_and_the_others_are_named(self):
        tally = run.Tally()
        run.require_scenarios(tally, 'way', {'a', 'b', 'gone'}, {'a', 'b', 'new', 'odd'}, {'b': 'b\n  differs', 'odd': 'odd\n'})
        self.assertEqual(1, tally.passed)
        self.assertEqual(2, len(tally.failures), tally.failures)
        self.assertIn('differs', tally.failures[0])
        self.assertIn('gone: tests/e2e/scenarios_expected.txt has it', tally.failures[1])
        self.assertIn('new: passes and is not in scenarios_expected.txt', tally.skips[0])
        self.assertIn('odd: disagrees, and docs/plan.md has no reason', tally.skips[1])


if __name__ == '__main__':
    unittest.main()
