"""Go: tests of its own library near the system, and a program of servers, children and goroutines, with and without cgo."""
from unit import Unit

PACKAGES = {'os': ('os', 'os/exec', 'os/signal', 'os/user', 'io/fs', 'path/filepath'), 'net': ('net', 'net/http', 'net/http/httptest'),
            'syscall': ('syscall', 'internal/poll', 'plugin', 'runtime/pprof'), 'runtime': ('runtime',)}


def units():
    for name, packages in PACKAGES.items():
        def command(place, tests, packages=packages):
            return ['/usr/bin/python3', place.suites / 'programs/go_tests.py', place.cache('go'), *packages]
        yield Unit('go', name, command, seconds=900 if name == 'runtime' else 400, user=name != 'runtime', needs=('go', '/usr/share/go-1.19/src/os/os_test.go'))
    yield Unit('go', 'program', lambda place, tests: ['sh', place.suites / 'programs/go_program.sh', place.cache('go'), place.suites / 'programs/program.go'],
               seconds=200, user=True, needs=('go',))
