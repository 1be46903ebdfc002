"""Root file systems and OCI bundles for the container tests: made once, run by crun.

Must stay true: nothing outside the build directory and the test's own scratch is changed; a container that was started is
deleted; what cannot be made here is said by skipping, never by passing.
"""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import unittest
import uuid

from harness import BUILD, BUNDLE, ROOT

WORK = BUILD / 'containers'
SOURCE = ROOT / 'tests/tracees/contained.c'
PROGRAMS = ['sh', 'cat', 'true', 'env', 'sleep', 'id']  # of the glibc image, from this machine
PATH = 'PATH=/usr/bin:/bin'

RULES = '''
- rule: Test shadow read
  desc: a sensitive file was opened
  condition: evt.type in (open, openat, openat2) and evt.dir=< and fd.name=/etc/shadow
  output: shadow was opened (proc=%proc.name result=%evt.res)
  priority: WARNING
- rule: Test spawned program
  desc: a program was executed
  condition: evt.type in (execve, execveat) and evt.dir=< and proc.args contains marker
  output: a marked program was executed (proc=%proc.name args=%proc.args)
  priority: NOTICE
'''

# What Docker's default profile refuses to a container without added capabilities (its table in docs.docker.com, "Seccomp
# security profiles for Docker"), on kernels where it leaves ptrace alone.
DOCKER_DENIED = '''acct add_key bpf clock_adjtime clock_settime create_module delete_module fanotify_init finit_module fsconfig fsmount
 fsopen fspick get_kernel_syms init_module io_uring_enter io_uring_register io_uring_setup ioperm iopl kexec_file_load kexec_load
 keyctl lookup_dcookie mount mount_setattr move_mount nfsservctl open_by_handle_at open_tree perf_event_open pivot_root query_module
 quotactl reboot request_key set_mempolicy setdomainname sethostname setns settimeofday swapoff swapon sysfs umount umount2 unshare
 uselib userfaultfd ustat vhangup'''.split()
CLONE_NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)


def docker_profile(*denied):
    """Docker's refusals as an OCI profile; `denied`: more calls to refuse."""
    refuse = {'action': 'SCMP_ACT_ERRNO', 'errnoRet': 1}
    return {
        'defaultAction': 'SCMP_ACT_ALLOW',
        'architectures': ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
        'syscalls': [{'names': DOCKER_DENIED + list(denied), **refuse}, {'names': ['clone3'], **refuse, 'errnoRet': 38}] + [
            {'names': ['clone'], **refuse,
             'args': [{'index': 0, 'value': f, 'valueTwo': f, 'op': 'SCMP_CMP_MASKED_EQ'}]} for f in CLONE_NAMESPACES],
    }


def _built(name, make):
    """The root file system WORK/name, made by make(path) if its parts have changed since."""
    root = WORK / name
    stamp = WORK / f'{name}.stamp'
    newest = max(p.stat().st_mtime for p in (SOURCE, pathlib.Path(__file__)))
    if not stamp.exists() or stamp.stat().st_mtime < newest:
        shutil.rmtree(root, ignore_errors=True)
        for d in ('etc', 'bin', 'tmp', 'proc', 'dev', 'sys', 'opt/undercoat', 'run', 'out'):
            (root / d).mkdir(parents=True)
        (root / 'etc/shadow').write_text('root:*:1::::::\n')
        (root / 'etc/shadow').chmod(0o600)
        (root / 'etc/passwd').write_text('root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n')
        (root / 'tmp').chmod(0o1777)
        (root / 'etc/rules.yaml').write_text(RULES)
        make(root)
        stamp.write_text('')
    return root


def _compile(compiler, target, *flags):
    if not shutil.which(compiler):
        raise unittest.SkipTest(f'{compiler} is not installed')
    subprocess.run([compiler, '-O1', '-Wall', '-o', target, SOURCE, *flags], check=True)


def _with_libraries(root, program):
    """Copies what the loader of this machine would load for `program`."""
    for word in subprocess.run(['ldd', program], capture_output=True, text=True, check=True).stdout.split():
        if word.startswith('/'):
            (root / word[1:]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(os.path.realpath(word), root / word[1:])


def _glibc(root):
    _compile('gcc', root / 'bin/work')
    for name in PROGRAMS:
        shutil.copy(os.path.realpath(shutil.which(name)), root / 'bin' / name)
        _with_libraries(root, root / 'bin' / name)
    _with_libraries(root, root / 'bin/work')


def _busybox(root):
    if not os.path.exists('/bin/busybox'):
        raise unittest.SkipTest('busybox-static is not installed')
    shutil.copy('/bin/busybox', root / 'bin/busybox')
    for name in PROGRAMS:
        (root / 'bin' / name).symlink_to('busybox')


def _musl(root):
    _compile('musl-gcc', root / 'bin/work')
    _busybox(root)
    (root / 'lib').mkdir()
    shutil.copy(os.path.realpath('/lib/ld-musl-x86_64.so.1'), root / 'lib/ld-musl-x86_64.so.1')


def _scratch(root):
    _compile('gcc', root / 'bin/work', '-static')


def _both(root):
    _glibc(root)
    _compile('gcc', root / 'bin/static', '-static')


MAKERS = {'glibc': _glibc, 'musl': _musl, 'scratch': _scratch, 'static and glibc': _both}


def image(kind):
    return _built(kind, MAKERS[kind])


def crun(*arguments, before='', **options):
    """crun, out of the way of cgroup hierarchies that it does not know. `before`: what a shell does first."""
    command = ['unshare', '--mount', 'sh', '-c', f'umount /sys/fs/cgroup/unified 2>/dev/null; {before} exec "$@"', 'sh', 'crun',
               '--cgroup-manager=disabled', f'--root={WORK}/state', *[str(a) for a in arguments]]
    if options.pop('background', False):
        return subprocess.Popen(command, **options)
    return subprocess.run(command, capture_output=True, text=True, errors='replace', stdin=subprocess.DEVNULL, **{'timeout': 60, **options})


def why_not():
    """Why containers cannot be run here, or None."""
    if os.getuid() != 0:
        return 'containers need root'
    for tool in ('crun', 'unshare'):
        if not shutil.which(tool):
            return f'{tool} is not installed: script/bootstrap'
    return None


def specification(root, *command, user=0, capabilities=(), env=(), shm='65536k', read_only=True, no_new_privs=False, seccomp=None,
                  undercoat=True, out=None,
                  files=1024):
    """An OCI config.json, from crun's own template. `shm`: size of /dev/shm, or None; `out`: a directory mounted on /out;
    `files`: how many a process may have open."""
    template = WORK / f'spec-{uuid.uuid4().hex}'
    template.mkdir(parents=True)
    crun('spec', cwd=template)
    spec = json.loads((template / 'config.json').read_text())
    shutil.rmtree(template)
    process = spec['process']
    process.update(terminal=False, args=list(command), env=[PATH, *env], user={'uid': user, 'gid': user}, cwd='/',
                   noNewPrivileges=no_new_privs)
    process['capabilities'] = {k: list(capabilities) for k in ('bounding', 'effective', 'permitted')}
    process['rlimits'] = [{'type': 'RLIMIT_NOFILE', 'hard': files, 'soft': files}]
    spec['root'] = {'path': str(root), 'readonly': read_only}
    spec['mounts'] = [m for m in spec['mounts'] if m['type'] not in ('cgroup', 'mqueue') and
                      (shm or m['destination'] != '/dev/shm')]
    for m in spec['mounts']:
        m['options'] = [f'size={shm}' if o.startswith('size=') and m['destination'] == '/dev/shm' else o for o in m.get('options', [])]
    binds = ([(BUNDLE, '/opt/undercoat', 'ro')] if undercoat else []) + ([(out, '/out', 'rw')] if out else [])
    spec['mounts'] += [{'destination': to, 'type': 'bind', 'source': str(at), 'options': ['rbind', how]} for at, to, how in binds]
    spec['linux'].pop('resources', None)
    if seccomp:
        spec['linux']['seccomp'] = seccomp
    return spec


class Container:
    """A container of one test: run to its end, or started and entered."""

    def __init__(self, directory, spec):
        self.name = f'uc-{uuid.uuid4().hex[:12]}'
        self.dir = pathlib.Path(directory) / self.name
        self.dir.mkdir()
        (self.dir / 'config.json').write_text(json.dumps(spec))

    def run(self):
        return crun('run', '--bundle', self.dir, self.name)

    def start(self, *arguments, **options):
        return crun('run', *arguments, '--bundle', self.dir, self.name, background=True, **options)

    def enter(self, *command, env=(), user=None, **options):
        return crun('exec', *[w for e in env for w in ('--env', e)], *(['--user', str(user)] if user is not None else []),
                    self.name, *command, **options)

    def processes(self):
        """{pid on this machine: (pid inside, name)} of all that run in it."""
        first = json.loads(crun('state', self.name).stdout)['pid']
        space = os.readlink(f'/proc/{first}/ns/pid')
        found = {}
        for pid in filter(str.isdigit, os.listdir('/proc')):
            with contextlib.suppress(OSError, IndexError):
                if os.readlink(f'/proc/{pid}/ns/pid') == space:
                    status = dict(l.split(':', 1) for l in pathlib.Path(f'/proc/{pid}/status').read_text().splitlines())
                    found[int(pid)] = int(status['NSpid'].split()[-1]), status['Name'].strip()
        return found

    def kill(self, signal):
        return crun('kill', self.name, signal)

    def delete(self):
        crun('delete', '--force', self.name)
