"""Real source packages are configured, built with gcc and make, and tested; every file that comes out is the same, bit by bit."""
from unit import Unit


def build(package, *parts):
    return lambda place, tests: ['sh', place.suites / 'programs/build.sh', place.source(package), *parts]


def units():
    yield Unit('builds', 'zlib', build('zlib', './configure', 'make -j2', 'make test', 'sums:*.o', 'sums:*.lo', 'sums:*.a', 'sums:*.so*', 'sums:*.pc', 'sums:zconf.h'),
               seconds=200, user=True, sources=('zlib',), needs=('gcc', 'make'))
    yield Unit('builds', 'bash', build('bash', './configure', 'make -j2', 'sums:config.h', 'sums:*.o', 'sums:*.a', 'sums:builtins.h', './bash --norc -c "echo $((6*7))"'),
               seconds=900, sources=('bash',), needs=('gcc', 'make', 'bison'))
    yield Unit('builds', 'busybox', build('busybox', 'make defconfig', 'make -j2', 'sums:*.o', 'sums:busybox_unstripped', './busybox ls applets'),
               seconds=1200, sources=('busybox',), needs=('gcc', 'make'))
