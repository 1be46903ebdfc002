"""Fields of processes, threads, users and descriptors have the values that /proc shows to another program at the same moment.

The driver runs under us, too: it starts the program that is looked at, reads /proc of it while it waits, and lets it make the call whose
alert is compared. Fields that captures have are held against sysdig (scap_test.py).
"""
import grp
import json
import os
import pathlib
import pwd
import re
import subprocess
import time

from harness import TRACERS, Case, under

DRIVER = r'''
import json, os, pathlib, socket, subprocess, sys
marker, command = sys.argv[1], sys.argv[2:]
ours, theirs = socket.socketpair()
out = open(marker + ".out", "w")
p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=theirs, cwd="/usr/share",
                     env={"KEY": "value", "MORE": "a b", "PATH": os.environ["PATH"]})
theirs.close()
ours.recv(1)  # it runs and waits
def of(pid):
    at = pathlib.Path("/proc", str(pid))
    status = dict(l.split(":\t", 1) for l in (at / "status").read_text().splitlines() if ":\t" in l)
    after = (at / "stat").read_text().rpartition(")")[2].split()
    st = os.stat(at / "exe")
    limits = next(l for l in (at / "limits").read_text().splitlines() if l.startswith("Max open files"))
    return {"pid": pid, "comm": (at / "comm").read_text()[:-1], "argv": (at / "cmdline").read_text().split("\0")[:-1],
            "environ": (at / "environ").read_text().split("\0")[:-1], "exe": os.readlink(at / "exe"), "cwd": os.readlink(at / "cwd"),
            "status": status, "ppid": int(after[1]), "pgid": int(after[2]), "sid": int(after[3]), "tty": int(after[4]), "start": int(after[19]),
            "ino": st.st_ino, "ctime": st.st_ctime_ns, "mtime": st.st_mtime_ns, "cgroup": (at / "cgroup").read_text(),
            "fdlimit": int(limits.split()[3]), "threads": len(list((at / "task").iterdir())),
            "loginuid": int((at / "loginuid").read_text()), "fds": {n: os.readlink(at / "fd" / str(n)) for n in range(3)}}
chain, pid = [], p.pid
while pid > 0:
    try: chain.append(of(pid))
    except OSError: break
    if chain[-1]["comm"] == "instrument": break
    pid = chain[-1]["ppid"]
leaders = {}
for n in (chain[0]["sid"], chain[0]["pgid"]):
    try: leaders[n] = of(n)
    except OSError: pass
p.stdin.write(b"x\n"); p.stdin.flush()
ours.recv(1)  # the call is made
st = os.stat(marker)
p.stdin.close(); p.wait()
print(json.dumps({"chain": chain, "leaders": leaders, "ino": st.st_ino, "dev": st.st_dev}))
'''

PROGRAM = r'''
#include <fcntl.h>
#include <unistd.h>
int main(int argc, char **argv) {
    char c;
    write(2, "r", 1);
    read(0, &c, 1);
    open(argv[1], O_RDONLY);
    write(2, "d", 1);
    while (read(0, &c, 1) > 0) {}
    return 0;
}'''
PYTHON = 'import os, sys; os.write(2, b"r"); os.read(0, 1); os.open(sys.argv[1], os.O_RDONLY); os.write(2, b"d"); os.read(0, 9); os.read(0, 9)'

FIELDS = '''proc.name proc.exe proc.exepath proc.args proc.args[0] proc.cmdline proc.exeline proc.cmdnargs proc.cmdlenargs proc.env[KEY]
proc.env[MORE] proc.env[NONE] proc.cwd proc.pid proc.ppid proc.vpid proc.pvpid proc.pgid proc.vpgid proc.sid proc.tty proc.fdlimit
proc.nthreads proc.nchilds proc.pname proc.pexe proc.pexepath proc.pcmdline proc.aname[1] proc.aname[2] proc.aexe[1] proc.aexe[2] proc.aexepath[1]
proc.aexepath[2] proc.acmdline[1] proc.acmdline[2] proc.aargs[1] proc.apid[1] proc.apid[2] proc.aenv[1]
proc.sname proc.sid.exe proc.sid.exepath proc.pgid.name proc.pgid.exe proc.pgid.exepath proc.vpgid.name proc.vpgid.exe proc.vpgid.exepath
proc.is_sid_leader proc.is_pgid_leader proc.is_vpgid_leader proc.exe_ino proc.exe_ino.ctime proc.exe_ino.mtime
proc.exe_ino.ctime_duration_proc_start proc.pid.ts proc.ppid.ts proc.duration proc.ppid.duration proc.is_exe_writable
proc.is_exe_from_memfd proc.stdin.type proc.stdout.type proc.stderr.type proc.stdout.name
thread.tid thread.vtid thread.ismain thread.cap_effective thread.cap_permitted thread.cap_inheritable thread.cgroup[pids] thread.cgroups
user.uid user.name user.homedir user.shell user.loginuid group.gid group.name
fd.name fd.nameraw fd.directory fd.filename fd.type fd.typechar fs.path.name fs.path.nameraw evt.abspath evt.is_open_read evt.is_open_write
evt.is_open_create evt.hostname evt.source evt.rawtime fd.ino fd.dev evt.rawtime.s evt.rawtime.ns evt.time.s evt.time.iso8601
evt.datetime evt.datetime.s evt.reltime evt.count.exit proc.is_exe_upper_layer proc.is_exe_lower_layer proc.stdin.name proc.fdusage'''.split()

ADDED = ('LD_PRELOAD=', 'UNDERCOAT_ADDED=')  # by us, and not shown
# They have a value here where the leader or the ancestor is one of the workload.
NOT_ALWAYS = {f'proc.{w}.{n}' for w in ('sid', 'pgid', 'vpgid') for n in ('name', 'exe', 'exepath')} | {
    'proc.sname', 'thread.cgroup[pids]', 'proc.is_exe_upper_layer', 'proc.is_exe_lower_layer'} | {
    f'proc.{w}[2]' for w in ('aname', 'aexe', 'aexepath', 'acmdline', 'apid')}

CAPABILITIES = '''CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN
NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG
MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF
CHECKPOINT_RESTORE'''.split()


def shown(text):
    """As outputs show it: control bytes are made harmless."""
    return ''.join('\ufffd' if ord(c) < 32 else c for c in text)


def capabilities(mask):
    return ' '.join('CAP_' + c for i, c in enumerate(CAPABILITIES) if int(mask, 16) >> i & 1)


def kind(link):
    return {'pipe': 'pipe', 'socket': 'unix'}.get(link.split(':')[0], 'file')


def wanted(seen, given, path):
    """What each field is by /proc; a function says whether a value will do."""
    p, up = seen['chain'][0], seen['chain'][1]
    ids = {n: int(p['status'][n].split()[1]) for n in ('Uid', 'Gid')}
    user, group = pwd.getpwuid(ids['Uid']), grp.getgrgid(ids['Gid'])
    innermost = {n: int(q['status'][n].split()[-1]) for q in (p,) for n in ('NSpid', 'NSpgid')}
    hertz = os.sysconf('SC_CLK_TCK')

    def line(q):
        return shown(' '.join([q['comm'], *q['argv'][1:]]))[:4000]

    def begun(q):  # ns since boot to since the epoch, to a tick
        boot = int(re.search(r'^btime (\d+)', pathlib.Path('/proc/stat').read_text(), re.M)[1])
        return lambda v: abs(v / 1e9 - boot - q['start'] / hertz) < 1.1

    def lasting(q):
        return lambda v: abs(v - (seen['alert']['evt.rawtime'] - seen['alert'][f'proc.{"" if q is p else "p"}pid.ts'])) < 2e7
    w = {'proc.name': p['comm'], 'proc.exe': p['argv'][0], 'proc.exepath': p['exe'], 'proc.args': ' '.join(p['argv'][1:]),
         'proc.args[0]': p['argv'][1], 'proc.cmdline': line(p), 'proc.exeline': ' '.join(p['argv']), 'proc.cmdnargs': len(p['argv']) - 1,
         'proc.cmdlenargs': sum(len(a) for a in p['argv'][1:]), 'proc.env[KEY]': 'value', 'proc.env[MORE]': 'a b', 'proc.env[NONE]': '',
         'proc.cwd': p['cwd'] + '/', 'proc.pid': p['pid'], 'proc.ppid': p['ppid'], 'proc.vpid': innermost['NSpid'],
         'proc.pvpid': int(up['status']['NSpid'].split()[-1]), 'proc.pgid': p['pgid'], 'proc.vpgid': innermost['NSpgid'], 'proc.sid': p['sid'],
         'proc.tty': p['tty'], 'proc.fdlimit': p['fdlimit'], 'proc.nthreads': p['threads'], 'proc.nchilds': p['threads'] - 1,
         'proc.apid[1]': p['ppid'], 'proc.is_sid_leader': p['sid'] == p['pid'], 'proc.is_pgid_leader': p['pgid'] == p['pid'],
         'proc.is_vpgid_leader': innermost['NSpgid'] == innermost['NSpid'], 'proc.exe_ino': p['ino'], 'proc.exe_ino.ctime': p['ctime'],
         'proc.exe_ino.mtime': p['mtime'], 'proc.pid.ts': begun(p), 'proc.ppid.ts': begun(up), 'proc.duration': lasting(p),
         'proc.ppid.duration': lasting(up), 'proc.is_exe_writable': os.geteuid() == 0 or os.access(p['exe'], os.W_OK),
         'proc.exe_ino.ctime_duration_proc_start': lambda v: v is None or abs(v + p['ctime'] - seen['alert']['proc.pid.ts']) < 2e7,
         'proc.is_exe_from_memfd': False, 'proc.stdin.type': kind(p['fds']['0']), 'proc.stdout.type': kind(p['fds']['1']),
         'proc.stderr.type': kind(p['fds']['2']), 'proc.stdout.name': p['fds']['1'], 'thread.tid': p['pid'], 'thread.vtid': innermost['NSpid'],
         'thread.ismain': True, 'thread.cap_effective': capabilities(p['status']['CapEff']),
         'thread.cap_permitted': capabilities(p['status']['CapPrm']), 'thread.cap_inheritable': capabilities(p['status']['CapInh']),
         'user.uid': ids['Uid'], 'user.name': user.pw_name, 'user.homedir': user.pw_dir, 'user.shell': user.pw_shell,
         'user.loginuid': -1 if p['loginuid'] == 2**32 - 1 else p['loginuid'], 'group.gid': ids['Gid'], 'group.name': group.gr_name,
         'fd.name': path, 'fd.nameraw': re.sub('/+', '/', given), 'fd.directory': os.path.dirname(path), 'fd.filename': os.path.basename(path),
         'fd.type': 'file', 'fd.typechar': 'f', 'fs.path.name': path, 'fs.path.nameraw': given, 'evt.abspath': path, 'evt.is_open_read': True,
         'evt.is_open_write': False, 'evt.is_open_create': False, 'evt.hostname': os.uname().nodename, 'evt.source': 'syscall',
         'evt.rawtime': lambda v: v == seen['alert']['evt.time'], 'fd.ino': lambda v: v in (None, seen['ino']),
         'fd.dev': lambda v: v in (None, seen['dev']), 'evt.count.exit': 1, 'proc.stdin.name': lambda v: v in ('', p['fds']['0'])}
    ns = seen['alert']['evt.time']
    of_day, of_year = '%H:%M:%S', '%Y-%m-%d %H:%M:%S'
    w.update({'evt.rawtime.s': ns // 10**9, 'evt.rawtime.ns': ns % 10**9, 'evt.time.s': time.strftime(of_day, time.localtime(ns // 10**9)),
              'evt.datetime.s': time.strftime(of_year, time.localtime(ns // 10**9)),
              'evt.datetime': time.strftime(of_year, time.localtime(ns // 10**9)) + f'.{ns % 10**9:09}',
              'evt.time.iso8601': time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(ns // 10**9)) + f'.{ns % 10**9:09}+0000',
              'evt.reltime': lambda v: v == ns - seen['first'], 'proc.fdusage': lambda v: 0 < v < 100 * 50 / p['fdlimit']})
    if subprocess.run(['stat', '-f', '-c', '%T', p['exe']], capture_output=True, text=True).stdout.strip() != 'overlayfs':
        w.update({'proc.is_exe_upper_layer': False, 'proc.is_exe_lower_layer': False})
    for n, q in enumerate(seen['chain'][1:3], 1):
        if q['comm'] == 'instrument':
            break
        w.update({f'proc.aname[{n}]': q['comm'], f'proc.aexe[{n}]': q['argv'][0], f'proc.aexepath[{n}]': q['exe'], f'proc.acmdline[{n}]': line(q),
                  f'proc.apid[{n}]': q['pid']})
    w.update({'proc.pname': up['comm'], 'proc.pexe': up['argv'][0], 'proc.pexepath': up['exe'], 'proc.pcmdline': line(up),
              'proc.aargs[1]': shown(' '.join(up['argv'][1:])), 'proc.aenv[1]': ' '.join(v for v in up['environ'] if not v.startswith(ADDED))})
    groups = dict(l.split(':', 2)[1:] for l in p['cgroup'].splitlines())
    w.update({f'thread.cgroup[{c}]': groups[c] for c in ('pids',) if c in groups})
    w['thread.cgroups'] = ' '.join(f'{c or "unified"}={v}' for c, v in groups.items())
    for name, n in (('sid', p['sid']), ('pgid', p['pgid']), ('vpgid', p['pgid'])):
        leader = seen['leaders'].get(str(n))
        if leader and leader['pid'] in [q['pid'] for q in seen['chain'] if q['comm'] != 'instrument']:
            w.update({'proc.sname' if name == 'sid' else f'proc.{name}.name': leader['comm'], f'proc.{name}.exe': leader['argv'][0],
                      f'proc.{name}.exepath': leader['exe']})
    return w


@under(*TRACERS)
class Values(Case):
    def compare(self, given, *program, prefix=()):
        self.need_root()
        marker, rules = self.dir / 'marker', self.dir / 'fields.yaml'
        marker.write_text('x')
        rules.write_text('- rule: Fields\n  desc: d\n  condition: evt.type in (open, openat) and fd.name=' + str(marker) +
                         ' and proc.env[KEY]=value\n  output: "' + ' '.join('%' + f for f in FIELDS) + '"\n  priority: INFO\n')
        done = self.run_under(*prefix, 'python3', '-ISc', DRIVER, marker, *program, rules=[rules])
        self.assertEqual((0, ['Fields']), (done.returncode, done.rules()), done.err)
        seen = {**json.loads(done.out.splitlines()[-1]), 'alert': done.alerts[0]['output_fields'], 'first': done.events[0]['ts']}
        want = wanted(seen, given, str(marker))
        for field, value in want.items():
            got = seen['alert'][field]
            with self.subTest(field, program=program[0]):
                if callable(value):
                    self.assertTrue(value(got), got)
                else:
                    self.assertEqual(value, got)
        self.assertLessEqual(set(FIELDS) - set(want), NOT_ALWAYS)

    def test_of_a_dynamic_program(self):
        self.compare(str(self.dir / 'marker'), self.compile(PROGRAM, 'dynamic'), self.dir / 'marker')

    def test_of_a_static_program(self):
        self.compare(str(self.dir / 'marker'), self.compile(PROGRAM, 'static', '-static'), self.dir / 'marker')

    def test_of_an_interpreted_program(self):
        given = f'./../..//{self.dir}/./marker'
        self.compare(given, 'python3', '-ISc', PYTHON, given)

    def test_of_a_program_in_a_session_of_its_own(self):
        self.compare(str(self.dir / 'marker'), 'setsid', self.compile(PROGRAM, 'program', '-static'), self.dir / 'marker')

    def test_below_a_leader(self):
        self.compare(str(self.dir / 'marker'), self.compile(PROGRAM, 'below'), self.dir / 'marker', prefix=['setsid', '--wait'])
