"""node: http, child processes, workers, a cluster, watching, streams; and npm."""
from unit import Unit


def units():
    yield Unit('node', 'program', lambda place, tests: ['sh', place.suites / 'programs/node_program.sh', place.suites / 'programs/program.js'],
               seconds=150, user=True, needs=('node',))
