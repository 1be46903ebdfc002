"""While nobody has anything to tell, the supervisor sleeps, and what comes then wakes it."""
import ctypes
import errno
import pathlib
import re
import subprocess
import time
import unittest

from harness import Case, supervisor_of, wait_for

# Opens enough to be given a ring, and then what it is told to.
WORKLOAD = '''import sys
for i in range(20): open("/etc/hostname").close()
print("ready", flush=True)
for line in sys.stdin: open(line.strip()).close(); print("done", flush=True)'''

SELDOM = 60  # times a second; one that looks every few milliseconds comes to more than 200


def can_wait_for_several_words():
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.syscall(449, None, 0, 0, None, 0) == 0 or ctypes.get_errno() != errno.ENOSYS


class Idle(Case):
    def wake_ups(self, pid):
        """How often it has gone to sleep."""
        text = pathlib.Path(f'/proc/{pid}/status').read_text()
        return int(re.search(r'^voluntary_ctxt_switches:\s+(\d+)', text, re.M)[1])

    def wakes_seldom(self, pid, seconds=0.5):
        before, began = self.wake_ups(pid), time.monotonic()
        wait_for(lambda: time.monotonic() - began >= seconds, 'time goes by')
        return (self.wake_ups(pid) - before) / (time.monotonic() - began) < SELDOM

    def check(self, mode):
        self.need_root()
        if not can_wait_for_several_words():
            self.skipTest('this kernel has no futex_waitv')
        run = self.start_under('python3', '-c', WORKLOAD, mode=mode, stdin=subprocess.PIPE)
        self.assertEqual(b'ready\n', run.process.stdout.readline())
        supervisor = wait_for(lambda: supervisor_of(run.process.pid), 'a supervisor runs')
        for shadow in ('/etc/shadow', '/etc/../etc/shadow'):
            wait_for(lambda: self.wakes_seldom(supervisor), 'it sleeps')
            run.process.stdin.write(shadow.encode() + b'\n')
            run.process.stdin.flush()
            self.assertEqual(b'done\n', run.process.stdout.readline())
        run.process.stdin.close()
        self.assertEqual(0, run.process.wait(20))
        self.assertEqual(2, [a['rule'] for a in run.alerts()].count('Test shadow read'))

    def test_with_a_ring(self):
        self.check('full')

    def test_with_the_trap_alone(self):
        self.check('trap')


if __name__ == '__main__':
    unittest.main()
