"""Servers under load, with what they answer and keep looked at: redis, nginx, PostgreSQL."""
from unit import Unit


def script(name, *arguments):
    return lambda place, tests: ['sh', place.suites / 'programs' / name, *[a(place) if callable(a) else a for a in arguments]]


def units():
    yield Unit('servers', 'redis', script('redis.sh'), seconds=120, user=True, fast=('nobody',), needs=('redis-server', 'redis-benchmark'))
    yield Unit('servers', 'nginx', script('nginx.sh'), seconds=120, needs=('nginx', 'wrk', 'ab', 'curl'))
    postgres = ('/usr/lib/postgresql/15/bin/initdb', '/usr/lib/postgresql/15/bin/pgbench')
    # PostgreSQL refuses to run as root.
    yield Unit('servers', 'pgbench', script('postgres.sh', 'bench'), seconds=200, user=True, root=False, needs=postgres)
    yield Unit('servers', 'pg_regress', script('postgres.sh', 'regress', lambda place: place.source('postgresql-15')), seconds=900, user=True,
               root=False, sources=('postgresql-15',), needs=(*postgres, '/usr/lib/postgresql/15/lib/pgxs/src/test/regress/pg_regress'))
