"""thread.stack: where a call was made, for programs of every kind; and that nothing is collected for rules that do not ask."""
import os
import shutil
import subprocess
import unittest

from harness import Case

OPENS = r'''
#include <fcntl.h>
#include <unistd.h>
__attribute__((noinline)) int inner(const char* p) { volatile int fd = open(p, O_RDONLY); return fd; }
__attribute__((noinline)) int middle(const char* p) { volatile int fd = inner(p); return fd + 1; }
int main(int argc, char** argv) { int fd = middle("/etc/hostname"); return fd < 0 || argc > 9; }
'''
CPP = r'''
#include <fcntl.h>
#include <string>
namespace app {
template <class T> struct Store {
    __attribute__((noinline)) int load(const T& name) { volatile int fd = open(name.c_str(), O_RDONLY); return fd; }
};
}
int main() { app::Store<std::string> s; return s.load("/etc/hostname") < 0; }
'''
GO = '''package main
import "os"
//go:noinline
func inner() error { _, e := os.ReadFile("/etc/hostname"); return e }
//go:noinline
func middle() error { return inner() }
func main() { if middle() != nil { os.Exit(1) } }
'''
# A function made at run time, with a frame pointer, that calls open; its name is in the perf map.
JIT = r'''
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
int open_it(void) { volatile int fd = open("/etc/hostname", O_RDONLY); return fd; }
int main(void) {
    unsigned char code[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xd0, 0x5d, 0xc3};
    void* at = (void*)open_it;
    memcpy(code + 6, &at, 8);
    unsigned char* page = mmap(0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    memcpy(page + 64, code, sizeof code);
    char name[64];
    snprintf(name, sizeof name, "/tmp/perf-%d.map", getpid());
    FILE* f = fopen(name, "w");
    fprintf(f, "%lx %lx made_at_run_time\n", (unsigned long)(page + 64), (unsigned long)sizeof code);
    fclose(f);
    int fd = ((int (*)(void))(page + 64))();
    usleep(400000);  // the map is read after the event
    unlink(name);
    return fd < 0;
}
'''
DEEP = r'''
#include <fcntl.h>
__attribute__((noinline)) int deeper(int n) {
    volatile char room[64];
    room[0] = n;
    if (n == 0) return open("/etc/hostname", O_RDONLY);
    volatile int r = deeper(n - 1);
    return r + room[0] * 0;
}
int main(void) { return deeper(400) < 0; }
'''
CORRUPT = r'''
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
__attribute__((noinline)) void wreck(void) {
    volatile long room[4];
    unsigned long* at = (unsigned long*)__builtin_frame_address(0);
    for (int i = 0; i < 64; i++) at[i] = i % 2 ? (unsigned long)&wreck + 3 : (unsigned long)(at + i + 2);
    _exit(open("/etc/hostname", O_RDONLY) < 0);
    room[0] = 0;
}
int main(void) { char room[8192]; memset(room, 1, sizeof room); wreck(); return room[3]; }
'''

RULE = '''
- rule: Test stack
  desc: d
  condition: {condition}
  output: "%thread.stack"
  priority: INFO
'''
OPENED = 'evt.type in (open, openat) and fd.name = /etc/hostname'


class Stacks(Case):
    def setUp(self):
        super().setUp()
        self.need_root()
        self.rules_file.write_text(RULE.format(condition=OPENED))

    def stack_of(self, *command, **options):
        """The frames of the first alert: functions, without offsets."""
        done = self.run_under(*command, **options)
        self.assertEqual(0, done.returncode, done.err)
        self.assertTrue(done.alerts, done.err)
        text = done.alerts[0]['output_fields']['thread.stack']
        self.assertIsInstance(text, str, done.events)
        return text

    def expect(self, text, *functions):
        at = 0
        for f in functions:
            found = text.find(f, at)
            self.assertGreaterEqual(found, 0, f'{f} in {text}')
            at = found + len(f)

    def test_without_frame_pointers(self):
        text = self.stack_of(self.compile(OPENS, 'opens', '-O2'))
        self.expect(text, 'open', ' <- inner+0x', '(opens) <- middle+0x', '(opens) <- main+0x', '(opens) <- __libc_start', '_start+0x')
        self.assertNotIn('<-?', text)

    def test_with_frame_pointers(self):
        text = self.stack_of(self.compile(OPENS, 'opens', '-O0', '-fno-omit-frame-pointer'))
        self.expect(text, 'open', ' <- inner+0x', ' <- middle+0x', ' <- main+0x', ' <- _start+0x')
        self.assertNotIn('<-?', text)  # our library's trap door leaves the registers where they are found

    def test_frame_pointers_past_the_library(self):
        text = self.stack_of(self.compile(OPENS, 'opens', '-O0', '-static'))
        self.expect(text, 'open', 'inner+0x', 'middle+0x', 'main+0x', '_start+0x')

    def test_a_static_program(self):
        self.expect(self.stack_of(self.compile(OPENS, 'opens', '-O2', '-static')), 'open', 'inner+0x', 'middle+0x', 'main+0x', '_start+0x')

    def test_a_stripped_program(self):
        text = self.stack_of(self.compile(OPENS, 'opens', '-O2', '-s'))
        self.expect(text, 'open', ' <- +0x', '(opens) <- +0x', '(opens)', '__libc_start')

    def test_musl(self):
        self.expect(self.stack_of(self.compile(OPENS, 'opens', compiler='musl-gcc')), 'inner+0x', 'middle+0x', 'main+0x')

    def test_cpp(self):
        (self.dir / 'cpp.cc').write_text(CPP)
        subprocess.run(['g++', '-O1', '-o', self.dir / 'cpp', self.dir / 'cpp.cc'], check=True)
        self.expect(self.stack_of(self.dir / 'cpp'), 'open', 'app::Store<std::', '::load(', 'main+0x')

    def test_go(self):
        if not shutil.which('go'):
            self.skipTest('go is not installed')
        (self.dir / 'main.go').write_text(GO)
        env = {**os.environ, 'CGO_ENABLED': '0', 'GO111MODULE': 'off', 'HOME': str(self.dir)}
        subprocess.run(['go', 'build', '-o', self.dir / 'gobin', self.dir / 'main.go'], check=True, env=env, capture_output=True)
        self.expect(self.stack_of(self.dir / 'gobin'), 'yscall', 'os.ReadFile', 'main.inner', 'main.middle', 'main.main')

    def test_code_made_at_run_time(self):
        text = self.stack_of(self.compile(JIT, 'jit', '-O0'))
        self.expect(text, 'open', 'open_it+0x', 'made_at_run_time+0x', '([jit])', 'main+0x')

    def test_recursion_beyond_the_bound(self):
        text = self.stack_of(self.compile(DEEP, 'deep', '-O1'))
        self.expect(text, 'deeper+0x', 'deeper+0x', ' <- ...')
        self.assertLess(text.count('<-'), 64)

    def test_a_corrupted_stack(self):
        text = self.stack_of(self.compile(CORRUPT, 'corrupt', '-O0'))
        self.expect(text, 'open')
        self.assertLess(len(text), 16384)

    def test_an_execution(self):
        """The stack of the old image, which is gone when the execution is told."""
        self.rules_file.write_text(RULE.format(condition='evt.type = execve and proc.name = true'))
        source = '#include <unistd.h>\n__attribute__((noinline)) int become(void) { return execl("/bin/true", "true", (char*)0); }\nint main(void) { return become() + 1; }'
        self.expect(self.stack_of(self.compile(source, 'becomes', '-O1')), 'exec', 'become+0x', 'main+0x')
        # Past the library: execl finds its frame by a register that the trap does not know, so what follows is a guess.
        self.expect(self.stack_of(self.compile(source, 'becomes', '-O1', '-static')), 'execve+0x', 'execl+0x', ' <-? ', '_start+0x')

    def test_a_condition(self):
        self.rules_file.write_text(RULE.format(condition=OPENED + ' and thread.stack contains "middle+"'))
        self.expect(self.stack_of(self.compile(OPENS, 'opens')), 'middle+0x')
        self.rules_file.write_text(RULE.format(condition=OPENED + ' and thread.stack contains "nobody+"'))
        self.assertEqual([], self.run_under(self.dir / 'opens').alerts)

    def test_no_tracing_rights(self):
        """As another user without any right."""
        if not shutil.which('setpriv'):
            self.skipTest('setpriv is not installed')
        self.dir.chmod(0o777)
        text = self.stack_of(self.compile(OPENS, 'opens', '-static'),
                             prefix=['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--no-new-privs'])
        self.expect(text, 'inner+0x', 'middle+0x', 'main+0x')


class Cost(Case):
    """Nothing is collected unless a rule asks."""

    MANY = '#include <fcntl.h>\n#include <unistd.h>\nint main(void) { for (int i = 0; i < 50; i++) close(open("/etc/hostname", 0)); return 0; }'

    def origins(self, rule):
        self.rules_file.write_text(rule)
        done = self.run_under(self.compile(self.MANY, 'many'))
        self.assertEqual(0, done.returncode, done.err)
        own = [e for e in done.calls('open', 'openat') if e['args'].get('name') == '/etc/hostname']
        self.assertEqual(50, len(own))
        return [e['origin'] for e in own], [e.get('thread.stack') for e in own]

    def test_only_rules_that_ask_make_calls_take_the_trap(self):
        origins, stacks = self.origins(RULE.format(condition=OPENED).replace('%thread.stack', '%fd.name'))
        self.assertGreaterEqual(origins.count('shim'), 40)
        self.assertEqual({None}, set(stacks))
        origins, stacks = self.origins(RULE.format(condition=OPENED))
        self.assertEqual(0, origins.count('shim'))
        self.assertTrue(all('main+0x' in s for s in stacks), stacks[:3])

    def test_other_calls_are_left_alone(self):
        origins, stacks = self.origins(RULE.format(condition='evt.type = execve and proc.name = nobody'))
        self.assertGreaterEqual(origins.count('shim'), 40)
        self.assertEqual({None}, set(stacks))


if __name__ == '__main__':
    unittest.main()
