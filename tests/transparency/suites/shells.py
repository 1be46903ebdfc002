"""Shells: busybox's testsuite, bash's tests, and busybox's tests of its ash, run by dash and bash."""
import re

from unit import Unit, written_results


def read_busybox(outcome, where):
    results = {}
    for kind, name in re.findall(r'^(PASS|FAIL|SKIPPED|UNTESTED): (.*)$', outcome.out, re.M):
        n = 2
        key = name
        while key in results:
            key, n = f'{name} #{n}', n + 1
        results[key] = kind
    return results


def shell_unit(name, shell, package, root, **options):
    def command(place, tests):
        return ['/usr/bin/python3', place.suites / 'programs/shell_tests.py', shell, place.source('busybox') / 'shell/ash_test',
                place.source(package), root, *(tests or [])]
    return Unit('shells', name, command, read=written_results, selects=True, user=True, sources=('busybox', package), **options)


def units():
    yield Unit('shells', 'busybox', lambda place, tests: ['sh', place.suites / 'programs/busybox_tests.sh', place.source('busybox')],
               seconds=200, read=read_busybox, user=True, sources=('busybox',), needs=('busybox',))
    yield shell_unit('bash', '/bin/bash', 'bash', 'tests', seconds=400, needs=('gcc',))
    for name, shell in (('dash', '/bin/dash'), ('bash', '/bin/bash')):
        yield shell_unit(f'ash-tests-by-{name}', shell, 'busybox', 'shell/ash_test', seconds=200, needs=('gcc',))
