"""CPython's own tests (Debian's libpython3.11-testsuite), a module a unit, each test a result."""
from unit import Unit

FOLDER = '/usr/lib/python3.11/test'

# Module: seconds it may take. Those of the short run take a few seconds in all.
FAST = {'os': 60, 'posix': 60, 'pty': 30, 'select': 60, 'mmap': 60, 'fcntl': 30, 'popen': 30, 'pathlib': 60, 'glob': 30, 'shutil': 60,
        'tempfile': 60, 'fork1': 60, 'file_eintr': 60}
SLOW = {'wait3': 60, 'threadsignals': 60, 'subprocess': 300, 'socket': 300, 'threading': 120, 'signal': 200, 'asyncio': 600, 'multiprocessing_fork': 600, 'ssl': 200,
        'selectors': 90, 'io': 300, 'venv': 200, 'eintr': 120, 'epoll': 60, 'ftplib': 60, 'mailbox': 60, 'pipes': 30, 'thread': 60,
        'socketserver': 60, 'asyncore': 60, 'httpservers': 60, 'largefile': 60, 'file': 30, 'fileio': 30, 'posixpath': 30, 'tarfile': 120,
        'zipfile': 120, 'resource': 30, 'pwd': 30, 'grp': 30, 'syslog': 30, 'faulthandler': 120, 'multiprocessing_spawn': 900,
        'concurrent_futures': 900, 'cmd_line': 120, 'site': 60, 'import': 60, 'ctypes': 60, 'sqlite3': 60, 'logging': 120, 'poll': 60,
        'wait4': 60, 'ioctl': 30, 'openpty': 30, 'support': 60, 'regrtest': 300, 'urllib2_localnet': 60, 'dbm': 60, 'shelve': 60,
        'robotparser': 30, 'atexit': 30, 'audit': 60, 'compileall': 120, 'readline': 30, 'repl': 60, 'timeout': 60, 'time': 60}


def units():
    for module, seconds in {**FAST, **SLOW}.items():
        def command(place, tests, module=module):
            return ['/usr/bin/python3', place.suites / 'programs/cpython_driver.py', *(tests or [f'test.test_{module}'])]
        users = ('root', 'nobody') if module in ('os', 'posix') else ('root',) if module in FAST else ()
        yield Unit('cpython', module, command, seconds=seconds, selects=True, user=True, fast=users,
                   needs=(f'{FOLDER}/regrtest.py',))
