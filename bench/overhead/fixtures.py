"""What workloads work on: a scratch directory with a copy of the bundle that every user can read, a tree of files, a repository, a script
of SQL, a database, the Go server. Each is made when it is first asked for.

Must stay true: everything lies in the scratch directory and goes with it; servers listen on the loopback alone.
"""
import os
import pathlib
import shutil
import socket
import subprocess

from modes import BUILD, ROOT

NOBODY = 65534
POSTGRES = sorted(pathlib.Path('/usr/lib/postgresql').glob('*/bin')) if pathlib.Path('/usr/lib/postgresql').exists() else []
QUIET = {'stdin': subprocess.DEVNULL, 'stdout': subprocess.DEVNULL, 'stderr': subprocess.PIPE}


class Missing(Exception):
    """A program that a workload needs is not installed; the text names it."""


def need(*programs):
    for p in programs:
        if not shutil.which(p):
            raise Missing(f'{p} is not installed (script/bootstrap --bench)')


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def as_nobody(command):
    """Servers that refuse root run as nobody; started by another user they run as that."""
    return ['setpriv', f'--reuid={NOBODY}', f'--regid={NOBODY}', '--clear-groups', *command] if os.getuid() == 0 else list(command)


class Fixtures:
    def __init__(self, scratch):
        self.scratch = pathlib.Path(scratch)
        self.scratch.chmod(0o755)
        self.bundle = self.scratch / 'undercoat'
        shutil.copytree(BUILD / 'bundle/opt/undercoat', self.bundle, ignore=shutil.ignore_patterns('collector'))
        self.agent = self.bundle / 'bin/instrument'
        self.made = {}

    def program(self, name):
        return str(BUILD / 'bench' / name)

    def get(self, name):
        """The path (or text) that {name} stands for."""
        if name not in self.made:
            self.made[name] = str(getattr(self, 'make_' + name)())
        return self.made[name]

    def fill(self, text, **more):
        for name in ('tree', 'repository', 'sql', 'source', 'scratch'):
            if '{' + name + '}' in text:
                text = text.replace('{' + name + '}', self.get(name))
        for name, value in more.items():
            text = text.replace('{' + name + '}', str(value))
        return text

    def make_scratch(self):
        return self.scratch

    def make_source(self):
        return ROOT / 'bench/baseline/ptrace_all.c'

    def make_tree(self):
        """60 directories with 40 files each, of 1 KiB."""
        top = self.scratch / 'tree'
        for d in range(60):
            (top / f'd{d}').mkdir(parents=True)
            for f in range(40):
                (top / f'd{d}/file{f}').write_text(f'{d} {f}\n' * 128)
        return top

    def make_repository(self):
        need('git')
        where = self.scratch / 'repository'
        shutil.copytree(self.get('tree'), where)
        for c in (['init', '-q'], ['add', '.'], ['-c', 'user.name=bench', '-c', 'user.email=bench@localhost', 'commit', '-qm', 'all']):
            subprocess.run(['git', '-C', where, *c], check=True, **QUIET)
        return where

    def make_sql(self):
        need('sqlite3')
        file = self.scratch / 'script.sql'
        inserts = '\n'.join(f"insert into t values ({i}, 'value {i}');" for i in range(400))
        file.write_text(f'pragma synchronous = off;\ndrop table if exists t;\ncreate table t (a integer, b text);\n{inserts}\n'
                        'select count(*), max(b) from t where a % 3 = 0;\n')
        return file

    def make_page(self):
        where = self.scratch / 'www'
        where.mkdir()
        (where / 'page.html').write_text('x' * 1024)
        return where

    def make_go(self):
        need('go')
        out, source = BUILD / 'bench/go-server', ROOT / 'bench/overhead/programs/server.go'
        if out.exists() and out.stat().st_mtime > source.stat().st_mtime:
            return out
        env = {**os.environ, 'CGO_ENABLED': '0', 'GO111MODULE': 'off', 'GOCACHE': str(self.scratch / 'go-cache'), 'GOFLAGS': '-p=2'}
        subprocess.run(['go', 'build', '-o', out, source], check=True, env=env, **QUIET)
        return out

    def make_database(self):
        """A cluster with pgbench's tables; its own processes run as nobody."""
        if not POSTGRES:
            raise Missing('PostgreSQL is not installed (script/bootstrap --bench)')
        where, bin_, port = self.scratch / 'pg', POSTGRES[-1], free_port()
        where.mkdir()
        if os.getuid() == 0:
            os.chown(where, NOBODY, NOBODY)
        for c in (['initdb', '-A', 'trust', '-N', '-U', 'bench', '-D', where / 'data'],
                  ['pg_ctl', '-w', '-D', where / 'data', '-o', f'-p {port} -k {where} -h 127.0.0.1', '-l', where / 'log', 'start'],
                  ['pgbench', '-i', '-q', '-s', '2', '-h', '127.0.0.1', '-p', str(port), '-U', 'bench', 'postgres'],
                  ['pg_ctl', '-w', '-D', where / 'data', 'stop']):
            subprocess.run(as_nobody([str(bin_ / c[0]), *map(str, c[1:])]), check=True, cwd=where, **QUIET)
        return where
