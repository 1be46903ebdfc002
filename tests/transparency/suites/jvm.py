"""A Java program: threads, an http server, children, files, locks, sockets."""
from unit import Unit


def units():
    yield Unit('jvm', 'program', lambda place, tests: ['sh', place.suites / 'programs/java_program.sh', place.suites / 'programs/Program.java'],
               seconds=200, user=True, needs=('javac', 'java'))
