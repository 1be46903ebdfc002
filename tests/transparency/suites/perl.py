"""Perl's core tests, as far as they run with the installed perl of the same version."""
from unit import Unit


def units():
    for folder, seconds in (('io', 200), ('op', 900), ('lib', 200), ('uni', 200), ('run', 200)):
        def command(place, tests, folder=folder):
            return ['/usr/bin/python3', place.suites / 'programs/perl_tests.py', place.source('perl'), folder, *(tests or [])]
        yield Unit('perl', folder, command, seconds=seconds, selects=True, user=folder == 'io', sources=('perl',), needs=('perl',))
