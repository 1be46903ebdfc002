"""Programs that do what few do behave as natively: same output, same status, and they are still seen."""
import signal
import subprocess
import unittest

from harness import BUILD, BUNDLE, MODES, Case


def tracee(name, musl=False):
    return BUILD / 'tests/tracees' / (name + ('-musl' if musl else ''))


class Unbroken(Case):
    def as_natively(self, *command, mode, native=None, **options):
        """Runs it natively and under us, compares, and returns how it went under us."""
        if native is None:
            native = subprocess.run([str(c) for c in command], capture_output=True, timeout=60, env=self.environment())
        done = self.run_under(*command, mode=mode, **options)
        self.assertEqual((native.returncode, native.stdout.decode(errors='replace')), (done.returncode, done.out), done.err)
        return done

    def each(self, name, *arguments, modes=MODES):
        """The tracee of this name, of glibc and musl, in each mode: a generator of its mode and how it went."""
        for musl in (False, True):
            if not tracee(name, musl).exists():
                continue
            for mode in modes:
                with self.subTest(mode=mode, musl=musl, arguments=arguments):
                    yield mode, self.as_natively(tracee(name, musl), *arguments, mode=mode)


class Memory(Unbroken):
    def test_memory_of_ours_is_the_programs_if_it_wants_it(self):
        for how in ('unmap', 'over', 'protect'):
            path = self.dir / f'watched-{how}'
            path.touch()
            for mode, done in self.each('memory_taken', how, path):
                self.assertEqual('child\nalive\n', done.out)
                if mode == 'full':
                    self.assertEqual(6, len([e for e in done.calls('open', 'openat') if path.name in str(e)]))

    def test_unreadable_pointers(self):
        for _, done in self.each('bad_pointers'):
            self.assertEqual([f'taken away {how}: 14' for how in range(4)], done.out.splitlines()[-4:])

    def test_small_stacks(self):
        for _, done in self.each('small_stack', 2048):
            self.assertEqual("on a coroutine's\non a handler's\n", done.out)


class Calls(Unbroken):
    def test_no_interruption_that_there_is_not_natively(self):
        for _, done in self.each('interrupted', self.dir, modes=('full', 'preload')):
            self.assertEqual('done\n', done.out)

    def test_calls_come_from_where_the_program_wants_them(self):
        path = self.dir / 'watched'
        path.touch()
        for mode, done in self.each('syscall_dispatch', path):
            if 'not here' in done.out:
                self.skipTest('the kernel has no syscall user dispatch')
            self.assertEqual('child\ncaught 0\n', done.out)
            if mode == 'full':
                self.assertEqual(6, len([e for e in done.calls('open', 'openat') if path.name in str(e)]))

    def test_programs_that_forbid_all_but_their_own_calls(self):
        for how in ('libc', 'syscall', 'raw'):
            for when in ('early', 'late'):
                path = self.dir / f'watched-{how}-{when}'
                path.touch()
                # Without a filter of ours nobody sees what passes libc, and a child asks for a ring of its own.
                for mode, done in self.each('sealed', how, when, path, modes=('full', 'trap') if how == 'raw' else MODES):
                    self.assertEqual('alive\n', done.out)
                    if mode == 'full':
                        self.assertEqual(12 + 20 * (when == 'late'), len([e for e in done.calls('open', 'openat') if path.name in str(e)]))

    def test_commands_of_a_shell(self):
        for mode, done in self.each('shells', '/etc/shadow'):
            self.assertIn('unawaited: 10', done.out)
            self.assertEqual(['Test shadow read'] * 2, done.rules(), (mode, done.err))

    def test_big_environments_leave_no_memory_behind(self):
        for _, done in self.each('big_environment', modes=('full', 'preload')):
            self.assertEqual('grown by 0, status 0\n', done.out)

    def test_streams(self):
        for _, done in self.each('fopen_modes', self.dir / 'stream'):
            self.assertIn('a: 1 errno 0 at', done.out)


class Sandboxes(Unbroken):
    def test_the_library_is_out_of_sight(self):
        """The shell does not know that its file system has been changed; the loader would complain on its stderr."""
        self.need_root()
        command = ['unshare', '--mount', 'sh', '-c', f'mount -t tmpfs tmpfs {BUNDLE}/lib || exit; ls -d / ; exec true']
        native = subprocess.run(command, capture_output=True, timeout=60, env=self.environment())
        if native.returncode:
            self.skipTest(f'no file system can be mounted here: {native.stderr}')
        for mode in ('full', 'preload'):
            with self.subTest(mode=mode):
                done = self.as_natively(*command, mode=mode, native=native)
                self.assertEqual([], [l for l in done.err.splitlines() if 'ld.so' in l or 'libshim' in l])


class Chains(Unbroken):
    def test_of_vforks_that_end_from_the_last_to_the_first(self):
        """None of them calls for anything but its end; each end is told, with its parent."""
        for mode, done in self.each('vfork_chain', 300):
            self.assertEqual('300\n', done.out)
            if mode == 'preload':
                continue
            ends = done.calls('procexit')
            self.assertEqual(301, len(ends))
            self.assertEqual([e['pid'] for e in ends[1:]], [e['ppid'] for e in ends[:-1]])
            self.assertEqual({e['proc.name'] for e in ends}, {ends[-1]['proc.name']})


class EveryDay(Unbroken):
    def test_files_below_a_directory_duplicates_and_wake_ups_are_not_held(self):
        """They are told by the library, with the same facts as by the trap; what may become a standard stream is held."""
        below = self.dir / 'below'
        below.mkdir()
        (below / 'file').touch()
        for mode, done in self.each('below_directory', below, 200):
            self.assertEqual('400 200 200 200 200 0\n', done.out)
            files = [e for e in done.calls('openat') if e.get('fd.name') == str(below / 'file') and e['result'] >= 0]
            copies = [e for e in done.calls('fcntl') if e['params']['cmd'] in (1, 26)]  # Falco's F_DUPFD and F_DUPFD_CLOEXEC
            wakes = [e for e in done.calls('kill') if e['params']['sig'] == 23]
            made = [e for e in done.calls('mkdirat') if e.get('args', {}).get('path') == str(below / 'made')]
            self.assertEqual((200, 201, 200, 200), tuple(map(len, (files, copies, wakes, made))))
            if mode == 'full':
                for events in (files, copies[:-1], wakes, made):
                    self.assertGreater(len([e for e in events if e['origin'] == 'shim']), 190, events[0]['type'])
                self.assertEqual('notify', copies[-1]['origin'])


class Limits(Unbroken):
    """Of resources, too low for us: the workload has them, and is seen where we may lift them for ourselves."""

    def test_low_limits(self):
        script = 'cat /etc/shadow >/dev/null 2>&1; ulimit -f; ulimit -s; ulimit -d; ulimit -v; ulimit -t; trap; exit 3'
        kinds = ('fsize=0', 'fsize=4096', 'fsize=3000000', 'stack=65536', 'data=4000000', 'as=20000000', 'cpu=5')
        for limit in (*kinds, *(k + ':unlimited' for k in kinds)):
            with self.subTest(limit=limit):
                prefix = ['prlimit', f'--{limit}']
                native = subprocess.run([*prefix, 'sh', '-c', script], capture_output=True, timeout=60, env=self.environment())
                done = self.as_natively('sh', '-c', script, mode='full', native=native, prefix=prefix,
                                        env={'UNDERCOAT_PRIORITY': 'availability'})
                if ':' in limit:
                    self.assertNotIn('unseen', done.err)


class Clock(Unbroken):
    """The time stamp counter, which our records need, is forbidden."""

    def opens(self, done, path):
        return len([e for e in done.calls('open', 'openat') if path in str(e)])

    def test_it_goes_on_and_is_seen(self):
        for musl in (False, True):
            for how in ('libc', 'syscall', 'raw', 'thread', 'child', 'early'):
                if musl and not tracee('clock_forbidden', True).exists():
                    continue
                with self.subTest(how=how, musl=musl):
                    path = self.dir / f'watched-{how}'
                    path.touch()
                    done = self.as_natively(tracee('clock_forbidden', musl), how, path, mode='full')
                    self.assertEqual('alive\n', done.out)
                    self.assertEqual(6, self.opens(done, path.name))

    def test_strict_mode(self):
        for _, done in self.each('clock_forbidden', 'strict', '/dev/null', modes=('full', 'preload')):
            self.assertEqual('alive\n', done.out)
        for _, done in self.each('clock_forbidden', 'too-strict', '/dev/null', modes=('preload',)):
            self.assertEqual(-signal.SIGKILL, done.returncode)
        done = self.run_under(tracee('clock_forbidden'), 'too-strict', '/dev/null')
        self.assertEqual((-signal.SIGSYS, ''), (done.returncode, done.out))

    def test_without_a_filter_it_goes_on(self):
        for how in ('libc', 'syscall', 'child'):
            with self.subTest(how=how):
                done = self.as_natively(tracee('clock_forbidden'), how, '/dev/zero', mode='preload')
                self.assertEqual('alive\n', done.out)


if __name__ == '__main__':
    unittest.main()
