"""stress-ng's stressors, each with its own checks and few operations."""
from unit import Unit

# By class of stress-ng, or by name, where its classes are too wide.
KINDS = {'filesystem': ['filesystem'], 'network': ['network'], 'pipe': ['pipe'],
         'process': ('affinity clone daemon exec exit-group fork kill kcmp mmapfork nice pidfd prctl pthread ptrace pty resched '
                     'rlimit schedpolicy session sleep spawn unshare vfork vforkmany wait chroot close env getdent').split(),
         'signal': ('alarm fault itimer nanosleep sigabrt sigchld sigfd sigfpe sigio signal signest sigpending sigpipe sigq sigrt sigsegv '
                    'sigsuspend sigtrap timer timerfd bad-altstack').split(),
         'ipc': ('futex memfd mq msg sem sem-sysv shm shm-sysv mutex poll switch aio aiol io-uring seccomp usersyscall userfaultfd '
                 'landlock dynlib opcode enosys x86syscall vdso remap mmap mmapmany malloc brk stack').split()}


def units():
    for kind, names in KINDS.items():
        yield Unit('stress', kind, lambda place, tests, names=names: ['sh', place.suites / 'programs/stress.sh', *(tests or names)], seconds=900,
                   user=True, needs=('stress-ng',))
