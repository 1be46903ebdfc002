"""What a result is of: the machine, the kernel and what it can, the filters below ours, what else was running, the commit.

Must stay true: nothing here names a person, a path or a host.
"""
import ctypes
import os
import pathlib
import re
import struct
import subprocess

from modes import ROOT

SECCOMP_SET_MODE_FILTER, NEW_LISTENER = 1, 8
SYS_SECCOMP = 317  # x86-64
NOTIF_SET_FLAGS = (1 << 30) | (8 << 16) | (ord('!') << 8) | 4  # SECCOMP_IOW(4, __u64)
PR_SET_NO_NEW_PRIVS = 38


def sync_wake_up():
    """Whether the kernel wakes the receiver of a notification on the caller's core (6.6 and later). None: cannot be tried here."""
    pid = os.fork()
    if pid == 0:
        answer = 2
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            allow = ctypes.create_string_buffer(struct.pack('HBBI', 0x06, 0, 0, 0x7FFF0000))  # BPF_RET | BPF_K: ALLOW
            program = struct.pack('HxxxxxxP', 1, ctypes.addressof(allow))
            libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
            listener = libc.syscall(SYS_SECCOMP, SECCOMP_SET_MODE_FILTER, NEW_LISTENER, ctypes.c_char_p(program))
            if listener >= 0:
                answer = 0 if libc.ioctl(listener, ctypes.c_ulong(NOTIF_SET_FLAGS), ctypes.c_ulong(1)) == 0 else 1
        finally:
            os._exit(answer)
    return {0: True, 1: False}.get(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))


def read(path, otherwise=''):
    try:
        return pathlib.Path(path).read_text(errors='replace')
    except OSError:
        return otherwise


def git(*arguments):
    r = subprocess.run(['git', '-C', ROOT, *arguments], capture_output=True, text=True)
    return r.stdout.strip() if r.returncode == 0 else ''


def describe(groups, rules_title):
    cpu = re.search(r'^model name\s*: (.*)$', read('/proc/cpuinfo'), re.M)
    memory = re.search(r'^MemTotal:\s*(\d+)', read('/proc/meminfo'), re.M)
    filters = re.search(r'^Seccomp_filters:\s*(\d+)', read('/proc/self/status'), re.M)
    mode = re.search(r'^Seccomp:\s*(\d+)', read('/proc/self/status'), re.M)
    return {
        'kernel': os.uname().release, 'cpu': cpu[1] if cpu else 'unknown', 'cpus': len(os.sched_getaffinity(0)),
        'memory_mib': int(memory[1]) // 1024 if memory else 0, 'virtual': 'hypervisor' in read('/proc/cpuinfo'),
        'sync_wake_up': sync_wake_up(),
        'outer_filters': int(filters[1]) if filters else None, 'seccomp_mode': int(mode[1]) if mode else None,
        'mitigations': read('/sys/devices/system/cpu/vulnerabilities/spectre_v2').strip()[:120],
        'load_before': float(read('/proc/loadavg', '0 ').split()[0]), 'rules': rules_title,
        'cpu_time_from': 'cgroup' if groups.keys() & {'cpuacct', 'unified'} else 'getrusage of descendants',
        'memory_from': 'cgroup' if groups.keys() & {'memory', 'unified'} else '',
        'commit': git('rev-parse', '--short=12', 'HEAD'), 'changed': bool(git('status', '--porcelain', '--untracked-files=no')),
    }
