"""The calls that strace sees of a workload are the calls that we tell, each once: for programs of every kind, in every mode that promises it."""
import ast
import collections
import os
import pathlib
import re
import shutil
import subprocess
import tomllib
import unittest

from harness import BUILD, ROOT, Case

TRACEES = ROOT / 'tests/tracees'

# --mode, --trap of the runs; results are exact under ptrace, and where the library made the call.
MODES = (('full', 'notify'), ('full', 'ptrace'), ('trap', 'notify'), ('trap', 'ptrace'), ('full', 'ptrace-all'))

# Each program once or a few times, in one run; {x} is the kind's suffix.
PROGRAMS = '''mkdir d && {file_calls} d && {net_calls} && {open_many} 50
for how in fork vfork threads shared shared-vfork; do {processes} $how; done'''

INTERPRETED = {
    'sh': 'cd / && mkdir "$0/sh"; : > "$0/sh/new"; mv "$0/sh/new" "$0/sh/old"; (cat < "$0/sh/old"); ln -s old "$0/sh/link"; rm -r "$0/sh"; '
          'for i in 1 2 3; do true & done; wait; /nonexistent/program; no-such-program; (: > /nonexistent/file); exit 0',
    'python3': 'import os, socket, subprocess, sys, threading\nd = sys.argv[1] + "/py"\nos.mkdir(d)\n'
               'def touch(n):\n for i in range(20): open(f"{d}/{n}-{i}", "w").close()\n'
               'ts = [threading.Thread(target=touch, args=(n,)) for n in range(4)]\n[t.start() for t in ts]\n[t.join() for t in ts]\n'
               'subprocess.run(["true"])\nsubprocess.run("true; false", shell=True, env={})\nos.rename(d + "/0-0", d + "/x")\n'
               'f = os.open(d, os.O_RDONLY)\nos.unlink("x", dir_fd=f)\nos.chmod(f, 0o700)\ns = socket.socket()\ns.bind(("127.0.0.1", 0))\ns.listen()\n'
               'c = socket.create_connection(s.getsockname())\ns.accept()\nu = socket.socket(socket.AF_UNIX)\nu.bind(d + "/socket")\n'
               'import shutil\nshutil.rmtree(d)\n',
    'perl': 'my $d = "$ARGV[0]/pl"; mkdir $d; for (1..10) { open(my $f, ">", "$d/$_"); } rename "$d/1", "$d/a"; symlink "a", "$d/l"; link "$d/a", "$d/h"; '
            'chmod 0600, "$d/a"; system("true"); my $x = `echo out`; if (!fork) { open(my $f, "<", "$d/none"); exit 0 } wait; unlink glob("$d/*"); rmdir $d;',
}

GO = '''package main
import ("fmt"; "net"; "os"; "os/exec"; "path/filepath"; "sync")
func main() {
	d := filepath.Join(os.Args[1], "go")
	os.Mkdir(d, 0700)
	var all sync.WaitGroup
	for i := 0; i < 20; i++ {
		all.Add(1)
		go func(i int) { defer all.Done(); os.WriteFile(filepath.Join(d, fmt.Sprint(i)), nil, 0600) }(i)
	}
	all.Wait()
	for i := 0; i < 3; i++ { exec.Command("/bin/true").Run() }
	exec.Command("/nonexistent/program").Run()
	os.Rename(filepath.Join(d, "0"), filepath.Join(d, "a"))
	os.Symlink("a", filepath.Join(d, "b"))
	os.Chmod(filepath.Join(d, "a"), 0644)
	l, _ := net.Listen("unix", filepath.Join(d, "s"))
	c, _ := net.Dial("unix", filepath.Join(d, "s"))
	l.Accept()
	c.Close()
	os.RemoveAll(d)
}
'''


# Calls whose paths are compared, too.
PATHS = {'open', 'openat', 'creat', 'mkdir', 'mkdirat', 'rmdir', 'unlink', 'unlinkat', 'rename', 'renameat', 'renameat2', 'link', 'linkat', 'symlink',
         'symlinkat', 'chmod', 'fchmodat', 'mknod', 'mknodat', 'chdir'}


def followed_calls():
    """Names of the system calls that are held or recorded whatever their arguments are, and that strace names the same."""
    table = tomllib.loads((ROOT / 'wire/local/syscalls.toml').read_text())['call']
    return {c['name'] for c in table if c.get('tier') in ('gadget', 'trap') and c.get('when') in (None, 'dirfd') and 'x86_64' in c
            and c.get('event', True)}


def stable(path):
    """A path without what differs between two runs."""
    return re.sub(r'\d{2,}', '#', path)


def strace_calls(folder):
    """Counts (call, paths) in the files of strace -ff. A successful execveat counts as execve, as we tell it."""
    found = collections.Counter()
    for file in pathlib.Path(folder).glob('calls.*'):
        for line in file.read_text(errors='replace').splitlines():
            if m := re.match(r'(?:\[[^]]*\] )?(\w+)\((.*)', line):
                paths = [stable(ast.literal_eval('"' + p + '"')) for p in re.findall(r'"((?:[^"\\]|\\.)*)"', m[2])]
                call = m[1].replace('execveat', 'execve').removesuffix('32')  # i386 has a second chown
                if call.startswith('symlink'):
                    del paths[0]  # what it points to is no path to us
                found[call, tuple(paths) if call in PATHS else ()] += 1
    return found


def told_calls(events, followed):
    """The same of our events."""
    found = collections.Counter()
    for e in events:
        if e.get('type') in followed:
            paths = [stable(p) for _, p in sorted(e.get('captured', {}).get('path', {}).items())]
            found[e['type'].replace('execveat', 'execve'), tuple(paths) if e['type'] in PATHS else ()] += 1
    return found


class Complete(Case):
    def setUp(self):
        super().setUp()
        if not shutil.which('strace'):
            self.skipTest('strace is not installed')
        self.calls = followed_calls()

    def fresh(self):
        where = self.dir / 'work'
        shutil.rmtree(where, ignore_errors=True)
        where.mkdir()
        return where

    def natively(self, command):
        folder = self.dir / 'strace'
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        names = ','.join(sorted(f'?{c}{more}' for c in self.calls for more in ('', '32')))
        r = subprocess.run(['strace', '-ff', '-qq', '-e', 'signal=none', '-s', '4096', '-e', f'trace={names}', '-o', folder / 'calls', *command],
                           cwd=self.fresh(), capture_output=True, env=self.environment(), timeout=60)
        self.assertEqual(0, r.returncode, r.stderr)
        found = strace_calls(folder)
        self.assertGreater(found.total(), 20, r.stderr)
        return found

    def check(self, *command):
        command = [str(c) for c in command]
        want, again = self.natively(command), self.natively(command)
        varying = {c for c, n in (want - again + (again - want)).items()}
        self.assertLess(len(varying), 4, f'the workload itself varies: {varying}')
        for mode, trap in MODES:
            with self.subTest(mode=mode, trap=trap):
                done = self.run_under(*command, mode=mode, options=['--trap', trap], cwd=self.fresh())
                self.assertEqual(0, done.returncode, done.err)
                told = told_calls(done.events, self.calls)
                self.assertEqual({}, {c: (n, told[c]) for c, n in want.items() if told[c] != n and c not in varying}, 'strace, we')
                self.assertEqual({}, {c: n for c, n in told.items() if c not in want and c not in varying}, 'strace does not see them')

    def programs(self, kind):
        """The script over the tracees, built as this kind."""
        paths = {}
        for name in ('file_calls', 'net_calls', 'open_many', 'processes'):
            if kind in ('', '-musl'):
                paths[name] = BUILD / 'tests/tracees' / (name + kind)
                if not paths[name].exists():
                    self.skipTest(f'{name}{kind} is not built')
            else:
                flags, compiler = {'-static': (['-static'], 'gcc'), '-i386': (['-m32'], 'gcc'), '-musl-static': (['-static'], 'musl-gcc')}[kind]
                paths[name] = self.compile((TRACEES / f'{name}.c').read_text(), name + kind, '-w', '-D_GNU_SOURCE', '-pthread', *flags, compiler=compiler)
        self.check('sh', '-c', PROGRAMS.format(**paths))

    def test_glibc(self):
        self.programs('')

    def test_musl(self):
        self.programs('-musl')

    def test_static(self):
        self.programs('-static')

    def test_static_musl(self):
        self.programs('-musl-static')

    def test_i386(self):
        probe = self.dir / 'probe.c'
        probe.write_text('int main(void) { return 0; }')
        if subprocess.run(['gcc', '-m32', '-o', self.dir / 'probe', probe], capture_output=True).returncode or \
                subprocess.run([self.dir / 'probe']).returncode:
            self.skipTest('no i386 programs here (gcc-multilib)')
        self.programs('-i386')

    def test_go(self):
        if not shutil.which('go'):
            self.skipTest('go is not installed')
        (self.dir / 'main.go').write_text(GO)
        env = {**os.environ, 'CGO_ENABLED': '0', 'GO111MODULE': 'off', 'HOME': str(self.dir)}
        subprocess.run(['go', 'build', '-o', self.dir / 'program', self.dir / 'main.go'], check=True, env=env, capture_output=True)
        self.check(self.dir / 'program', '.')

    def test_interpreted(self):
        for interpreter, script in INTERPRETED.items():
            with self.subTest(interpreter=interpreter):
                option = '-e' if interpreter == 'perl' else '-c'
                self.check(interpreter, option, script, self.dir / 'work')


if __name__ == '__main__':
    unittest.main()
