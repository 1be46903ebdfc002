"""What an intruder would try against us or past us; docs/threat-model.md names these tests."""
import unittest

from harness import MODES, TRACERS, Case, under

SYSCALL = 'import ctypes, sys; c = ctypes.CDLL(None, use_errno=True); '
# Name and number of calls that are held whatever makes them; all with arguments that make them fail harmlessly.
GRAVE = {'io_uring_setup': 425, 'userfaultfd': 323, 'process_vm_writev': 311, 'pidfd_getfd': 438, 'bpf': 321, 'memfd_create': 319,
         'unshare': 272, 'setns': 308, 'ptrace': 101, 'init_module': 175, 'mount': 165, 'pivot_root': 155, 'seccomp': 317}

GADGET = r'''
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>
/* Maps the gadget page itself and makes the call given by its number from there. */
int main(int argc, char** argv) {
    unsigned char code[] = {0x0f, 0x05, 0xc3};
    unsigned char* page = mmap((void*)0x7ffe0000, 4096, 7, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (page == MAP_FAILED) return 3;
    for (int i = 0; i < 3; ++i) page[i] = code[i];
    long nr = argv[1][0] == 'm' ? 319 : 257, result;
    const char* text = argv[1][0] == 'm' ? "from-the-gadget" : "/etc/shadow";
    register long r10 __asm__("r10") = 0;
    long a = nr == 319 ? (long)text : AT_FDCWD, b = nr == 319 ? 0 : (long)text;
    __asm__ volatile("call *%1" : "=a"(result) : "r"(page), "a"(nr), "D"(a), "S"(b), "d"(0L), "r"(r10) : "rcx", "r11", "memory");
    return result < 0;
}
'''


@under(*TRACERS)
class Seen(Case):
    def test_grave_calls_are_events_whatever_makes_them(self):
        script = SYSCALL + f'[c.syscall(n, -1, -1, -1, -1, -1, -1) for n in {list(GRAVE.values())}]'
        for mode in ('full', 'trap'):
            done = self.run_under('python3', '-c', script, mode=mode)
            self.assertEqual(0, done.returncode, done.err)
            for name in GRAVE:
                with self.subTest(mode=mode, call=name):
                    self.assertTrue(done.calls(name), f'no event {name}')

    def test_a_jump_into_the_gadget_does_not_hide_grave_calls(self):
        program = self.compile(GADGET, 'gadget', '-static')
        done = self.run_under(program, 'm')
        self.assertEqual(0, done.returncode, done.err)
        self.assertIn('from-the-gadget', str([e['args'] for e in done.calls('memfd_create')]))

    def test_a_jump_into_the_gadget_hides_file_calls(self):
        """The documented limit: code that knows us can open files unseen. When this fails, the docs promise too little."""
        done = self.run_under(self.compile(GADGET, 'gadget', '-static'), 'o')
        self.assertEqual((0, []), (done.returncode, done.rules()), done.err)

    def test_a_program_without_a_file(self):
        script = ("import os; f = os.memfd_create('x'); os.write(f, open('/bin/true', 'rb').read()); os.execve(f, ['x'], {})")
        rules = self.dir / 'memfd.yaml'
        rules.write_text('- rule: Memfd\n  desc: d\n  condition: evt.type in (execve, execveat) and proc.is_exe_from_memfd=true\n'
                         '  output: "%proc.exepath"\n  priority: CRITICAL\n')
        done = self.run_under('python3', '-c', script, rules=[rules])
        self.assertEqual(0, done.returncode, done.err)
        self.assertEqual([('Memfd', 'memfd:x')], [(a['rule'], a['output_fields']['proc.exepath']) for a in done.alerts])


@under(*TRACERS)
class Refused(Case):
    def below(self, script):
        """Runs Python that gets the pids of instrument, the trap process and the supervisor, in `agents`."""
        head = ('import os, signal, ctypes, pathlib\n'
                'def kids(p): return [int(x) for t in os.listdir(f"/proc/{p}/task") for x in '
                'pathlib.Path(f"/proc/{p}/task/{t}/children").read_text().split()]\n'
                'init = os.getppid()\nagents = [init]\n'
                'for k in kids(init):\n  if k != os.getpid(): agents += [k, *kids(k)]\n'
                'assert len(agents) >= 3, agents\n')
        return self.run_under('python3', '-c', head + script)

    def test_kill_of_our_processes(self):
        self.need_root()
        done = self.below('import time\nfor p in agents[1:]:\n  try:\n    os.kill(p, 9)\n  except OSError: pass\n'
                          'open("/etc/shadow").close()\nfor p in agents: os.stat(f"/proc/{p}")\n')
        self.assertEqual(0, done.returncode, done.err)
        self.assertEqual(['Test shadow read'], done.rules())
        self.assertTrue(any(e['type'] == 'kill' for e in done.events))

    def test_kill_of_our_threads(self):
        """The number of any thread stands for its process in kill, and for ptrace and the like."""
        self.need_root()
        done = self.below('c = ctypes.CDLL(None)\nthreads = [int(t) for p in agents for t in os.listdir(f"/proc/{p}/task") if int(t) != p]\n'
                          'assert threads\nfor t in threads:\n  for s in (signal.SIGSTOP, signal.SIGKILL):\n    try:\n'
                          '      os.kill(t, s)\n      raise SystemExit(9)\n    except PermissionError: pass\n'
                          '    if c.syscall(200, t, s) == 0: raise SystemExit(8)\n'
                          '  if c.ptrace(16, t, 0, 0) == 0: raise SystemExit(7)\n'
                          'open("/etc/shadow").close()\nfor p in agents: os.stat(f"/proc/{p}")\n')
        self.assertEqual(0, done.returncode, done.err)
        self.assertIn('Test shadow read', done.rules())

    def test_a_process_in_a_pid_name_space_of_its_own_has_one_number(self):
        """Its library knows its first thread by the inner number only."""
        self.need_root()
        program = 'for i in range(50):\n try: open(f"/nonexistent/{i}")\n except OSError: pass'
        for mode in ('full', 'preload'):
            done = self.run_under('unshare', '--pid', '--fork', '--kill-child', '/usr/bin/python3', '-c', program, mode=mode)
            opens = [e for e in done.events if str(e.get('fd.name')).startswith('/nonexistent/')]
            self.assertEqual((50, set()), (len(opens), {(e['pid'], e['tid']) for e in opens if e['pid'] != e['tid']}), mode)

    def test_kill_of_everybody(self):
        self.need_root()
        done = self.run_under('unshare', '--pid', '--fork', '--kill-child', 'sh', '-c', 'true', mode='full')
        self.assertEqual(0, done.returncode)
        # In a pid name space of its own, or kill -1 would end the machine.
        done = self.run_under('sh', '-c', 'sleep 100 & kill -9 -1; cat /etc/shadow >/dev/null',
                              prefix=['unshare', '--pid', '--fork', '--mount-proc', '--kill-child'])
        self.assertIn('Test shadow read', done.rules(), done.err)

    def test_ptrace_of_our_processes(self):
        self.need_root()
        done = self.below('c = ctypes.CDLL(None, use_errno=True)\nfor p in agents:\n'
                          '  r = c.ptrace(0x4206, p, 0, 0)\n  print(r)\n')
        self.assertEqual(0, done.returncode, done.err)
        self.assertNotIn('\n0\n', '\n' + done.out)
        self.assertTrue(any(e['type'] == 'ptrace' for e in done.events))


@under(*TRACERS)
class Survived(Case):
    def test_a_nested_listener_is_refused(self):
        # seccomp(SECCOMP_SET_MODE_FILTER, NEW_LISTENER) with a program of one ALLOW.
        script = SYSCALL + ('import struct; f = ctypes.create_string_buffer(struct.pack("HBBI", 6, 0, 0, 0x7fff0000)); '
                            'p = struct.pack("HxxxxxxQ", 1, ctypes.addressof(f)); c.prctl(38, 1, 0, 0, 0); '
                            'r = c.syscall(317, 1, 8, p); sys.exit(ctypes.get_errno() if r < 0 else 0)')
        done = self.run_under('python3', '-c', script)
        self.assertEqual(16, done.returncode, done.err)
        self.assertTrue(done.calls('seccomp'))

    def test_a_process_that_dies_in_the_middle_of_writing(self):
        script = ('import os, signal, random, time\nfor i in range(40):\n p = os.fork()\n if p == 0:\n'
                  '  while True: os.close(os.open("/etc/hostname", 0))\n'
                  ' time.sleep(random.random() / 50)\n os.kill(p, 9)\n os.waitpid(p, 0)\nopen("/etc/shadow").close()')
        for mode in MODES:
            with self.subTest(mode=mode):
                done = self.run_under('python3', '-c', script, mode=mode, timeout=120)
                self.assertEqual(0, done.returncode, done.err)
                self.assertIn('Test shadow read', done.rules())


if __name__ == '__main__':
    unittest.main()
