"""Runs modules or single tests of CPython's own test suite and writes a line for each test, before and after it.

usage: cpython_driver.py MODULE-OR-TEST...
Must stay true: a test that hangs or kills the interpreter is the one whose line says `begun`.
"""
import os
import sys
import unittest

from test import support
from test.support import os_helper

# Not: network, gui, audio, tests that need gigabytes.
support.use_resources = ['subprocess', 'cpu', 'decimal', 'curses', 'walltime']
# A virtual machine without a host that answers keeps these waiting for minutes, natively, too.
LEFT_OUT = 'VSOCK'
results = open(os.environ['TRANSPARENCY_RESULTS'], 'a', buffering=1)
pid = os.getpid()


class Writing(unittest.TestResult):
    def say(self, test, what):
        # Children that a test forks may come by here.
        if os.getpid() == pid and hasattr(test, 'id'):
            results.write(f'{test.id()}\t{what}\n')

    def startTest(self, test):
        super().startTest(test)
        self.wrong = []
        self.say(test, 'begun')

    def stopTest(self, test):
        super().stopTest(test)
        if self.wrong:
            self.say(test, self.wrong[0])

    def addSuccess(self, test):
        self.say(test, 'ok')

    def addSkip(self, test, reason):
        self.say(test, 'skipped')

    def addExpectedFailure(self, test, err):
        self.say(test, 'failed as expected')

    def addUnexpectedSuccess(self, test):
        self.say(test, 'ok, unexpectedly')

    def _bad(self, kind, test, err):
        if os.getpid() == pid:
            print(f'{kind}: {test}\n{self._exc_info_to_string(err, test)}', file=sys.stderr, flush=True)
        if hasattr(self, 'wrong') and isinstance(test, unittest.TestCase):
            self.wrong.append(kind)
        self.say(test, kind)

    def addError(self, test, err):
        self._bad('error', test, err)

    def addFailure(self, test, err):
        self._bad('failure', test, err)

    def addSubTest(self, test, subtest, err):
        if err:
            self._bad('failure' if issubclass(err[0], test.failureException) else 'error', test, err)


def each(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from each(test)
        else:
            yield test


def main():
    support.verbose = 0
    with os_helper.temp_cwd('work'):
        suite = unittest.defaultTestLoader.loadTestsFromNames(sys.argv[1:])
        chosen = unittest.TestSuite(t for t in each(suite) if LEFT_OUT not in t.id())
        chosen.run(Writing())
        support.reap_children()


main()
