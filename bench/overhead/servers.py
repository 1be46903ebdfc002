"""Servers and what loads them. A server is a command and the port it answers at; a load is a command whose output tells the rate.

Must stay true: a load is bounded by a number of requests or by a second; whatever goes wrong is an exception with the tool's last words.
"""
import http.client
import pathlib
import re
import socket
import subprocess
import time

from fixtures import POSTGRES, as_nobody, need

NGINX = '''daemon off; master_process on; worker_processes 1; user root; pid {where}/nginx.pid; error_log /dev/null crit;
events {{ worker_connections 512; }}
http {{ access_log off; keepalive_requests 1000000; client_body_temp_path {where}/body; proxy_temp_path {where}/proxy;
fastcgi_temp_path {where}/fastcgi; uwsgi_temp_path {where}/uwsgi; scgi_temp_path {where}/scgi;
server {{ listen 127.0.0.1:{port}; root {page}; }} }}
'''


def nginx(fixtures, port):
    need('nginx')
    where = fixtures.scratch / 'nginx'
    where.mkdir(exist_ok=True)
    (where / 'conf').write_text(NGINX.format(where=where, port=port, page=fixtures.get('page')))
    return ['nginx', '-c', str(where / 'conf')]


def redis(fixtures, port):
    need('redis-server', 'redis-benchmark')
    return ['redis-server', '--port', str(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', str(fixtures.scratch)]


def postgres(fixtures, port):
    need('setpriv')
    where = fixtures.get('database')
    (pathlib.Path(where) / 'data/postmaster.pid').unlink(missing_ok=True)  # of one that was ended by force
    return as_nobody([str(POSTGRES[-1] / 'postgres'), '-D', f'{where}/data', '-p', str(port), '-k', where, '-h', '127.0.0.1',
                      '-c', 'fsync=off', '-c', 'synchronous_commit=off', '-c', 'autovacuum=off', '-c', 'checkpoint_timeout=1h'])


def node(fixtures, port):
    need('node')
    return ['node', str(fixtures.server_js), str(port)]


def go(fixtures, port):
    return [fixtures.get('go'), str(port), fixtures.get('page') + '/page.html']


SERVERS = {f.__name__: f for f in (nginx, redis, postgres, node, go)}


def accepts(port):
    try:
        socket.create_connection(('127.0.0.1', port), 1).close()
        return True
    except OSError:
        return False


def wait_until_ready(process, server, port, seconds=20):
    """Until it answers; raises when it ends before, or at the deadline."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f'{server} ended with status {process.returncode} before it listened')
        if accepts(port) and (server != 'postgres' or said(
                [POSTGRES[-1] / 'pg_isready', '-q', '-h', '127.0.0.1', '-p', port], may_fail=True) is not None):
            return
        time.sleep(0.01)
    raise RuntimeError(f'{server} did not listen within {seconds} s')


def said(command, may_fail=False, seconds=60):
    """What a load prints; None if it failed and may."""
    r = subprocess.run([str(c) for c in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds)
    if r.returncode:
        if may_fail:
            return None
        raise RuntimeError(f'{command[0]} ended with {r.returncode}: {(r.stderr or r.stdout)[-300:]}')
    return r.stdout


def warm_http(port, requests):
    for _ in range(requests):
        c = http.client.HTTPConnection('127.0.0.1', port, timeout=10)
        c.request('GET', '/page.html')
        if c.getresponse().read(10) != b'x' * 10:
            raise RuntimeError('the server answered something else than its page')
        c.close()


def wrk(port, count, close):
    """`count` is not used: the load lasts a second."""
    need('wrk')
    options = ['-H', 'Connection: close'] if close else []
    text = said(['wrk', '-t1', '-c8', '-d1s', '--latency', *options, f'http://127.0.0.1:{port}/page.html'])
    requests = re.search(r'(\d+) requests in ([\d.]+)(m?s)', text)
    wrong = re.search(r'Non-2xx or 3xx responses: (\d+)', text)
    p99 = re.search(r'99%\s+([\d.]+)(us|ms|s)', text)
    if not requests or wrong or int(requests[1]) == 0:
        raise RuntimeError(f'wrk: {text[-300:]}')
    seconds = float(requests[2]) * (1e-3 if requests[3] == 'ms' else 1)
    return int(requests[1]), seconds, float(p99[1]) * {'us': 1e-6, 'ms': 1e-3, 's': 1}[p99[2]] if p99 else None


def redis_benchmark(port, count, keep):
    text = said(['redis-benchmark', '-p', port, '-n', count, '-c', 20, '-t', 'get', '-k', int(keep), '--csv'])
    row = [line for line in text.splitlines() if line.startswith('"GET"')]
    if not row:
        raise RuntimeError(f'redis-benchmark: {text[-300:]}')
    cells = [c.strip('"') for c in row[0].split(',')]
    return count, count / float(cells[1]), float(cells[6]) / 1000


def pgbench(port, count):
    text = said([POSTGRES[-1] / 'pgbench', '-n', '-c', 4, '-j', 1, '-t', max(1, count // 4), '-h', '127.0.0.1', '-p', port, '-U', 'bench',
                 'postgres'])
    tps = re.search(r'tps = ([\d.]+) \(without initial', text)
    average = re.search(r'latency average = ([\d.]+) ms', text)
    if not tps:
        raise RuntimeError(f'pgbench: {text[-300:]}')
    return count // 4 * 4, count // 4 * 4 / float(tps[1]), float(average[1]) / 1000


# name: (warm-up of this port, load of this port and count). A load returns requests, seconds, and its latency (p99; pgbench: average).
LOADS = {
    'wrk': (lambda port: warm_http(port, 50), lambda port, n: wrk(port, n, close=False)),
    'wrk-warm': (lambda port: wrk(port, 0, close=False), lambda port, n: wrk(port, n, close=False)),  # for what compiles while it runs
    'wrk-close': (lambda port: warm_http(port, 50), lambda port, n: wrk(port, n, close=True)),
    'redis': (lambda port: redis_benchmark(port, 500, True), lambda port, n: redis_benchmark(port, n, True)),
    'redis-close': (lambda port: redis_benchmark(port, 300, False), lambda port, n: redis_benchmark(port, n, False)),
    'pgbench': (lambda port: pgbench(port, 40), pgbench),
}
