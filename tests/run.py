#!/usr/bin/env python3
"""Runs every kind of test and counts them.

usage: tests/run.py [STEP...]

build        the build, warnings are errors
unit         unit tests
checks       layers, generated docs, shape of the sources
bench        the statistics of the overhead bench, and a short run of it and of the collector's
conformance  the cases in ../shared/conformance
e2e          the bundle, as a user runs it
page         the collector's page in Chromium
scenarios    ../shared/attacks: those in tests/e2e/scenarios_expected.txt must pass
sanitize     unit tests under AddressSanitizer and UBSan, the ring under ThreadSanitizer
fuzz         each fuzz target for FUZZ_SECONDS (20), two at a time
soak         only when named: processes, threads and executions for SOAK_SECONDS (300): our memory does not grow
delivery     only when named: 20 agents with 5000 alerts each while everything is killed, cut off and without room on its disk, for minutes
transparency the short part of other people's test suites, natively and watched
oracle       only when named: 1 000 000 random pairs of condition and event (ORACLE_PAIRS, ORACLE_SEED)

Must stay true: the last line is `N passed, N failed` or `N passed, N failed, N skipped`, and what failed is named once more, a line
each, right before it; each skip is named with its reason, many of one step in a file; a step that cannot run counts as a failure.
"""
import atexit
import concurrent.futures
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import time
import unittest
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[1]
BUILD = pathlib.Path(os.environ.get('UNDERCOAT_BUILD', ROOT / 'build'))
SHARED = ROOT.parent / 'shared'
BUNDLE = BUILD / 'bundle/opt/undercoat'
RULES = ['falco_rules.yaml', 'falco-incubating_rules.yaml', 'falco-sandbox_rules.yaml']
FUZZ_SECONDS = int(os.environ.get('FUZZ_SECONDS', '20'))


# Files that the tests have anyway.
FUZZ_SEEDS = {'rules_yaml_fuzz': 'bad_files/rules', 'rule_tests_fuzz': 'bad_files/rule_tests', 'settings_fuzz': 'bad_files/settings'}


class Tally:
    """Counts of one step; `failures` and `skips` are lines for people."""

    def __init__(self):
        self.passed, self.failures, self.skips = 0, [], []

    def failed(self, what):
        self.failures.append(what)

    def skipped(self, what):
        self.skips.append(what)

    def require(self, ok, what):
        if ok:
            self.passed += 1
        else:
            self.failed(what)
        return ok


def run(*command, **options):
    return subprocess.run([str(c) for c in command], text=True, errors='replace', stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **options)


def configure(build, *options, env=None):
    """Sets the build directory up once. Returns what went wrong, or None."""
    if (build / 'build.ninja').exists():
        return None
    r = run('meson', 'setup', build, ROOT, *options, env={**os.environ, **(env or {})})
    return r.stdout[-3000:] if r.returncode else None


def compile_all(tally, build, *targets):
    r = run('ninja', '-C', build, *targets)
    if r.returncode:
        errors = [l for l in r.stdout.splitlines() if 'error' in l or l.startswith('FAILED')]
        tally.failed(f'{build.name}: the build failed\n' + '\n'.join(errors[:30] or r.stdout.splitlines()[-30:]))
    return r.returncode == 0


def meson_tests(tally, build, *arguments):
    """Runs meson tests; each test case of a program counts."""
    log = build / 'meson-logs/testlog.junit.xml'
    log.unlink(missing_ok=True)
    r = run('meson', 'test', '-C', build, '--no-rebuild', '--print-errorlogs', *arguments)
    if not log.exists():
        tally.failed(f'meson test in {build.name}: ' + r.stdout[-2000:])
        return
    before = len(tally.failures)
    for case in xml.etree.ElementTree.parse(log).iter('testcase'):
        name = f"{case.get('classname') or ''}.{case.get('name')}"
        if case.find('skipped') is not None or case.get('status') == 'notrun':
            tally.skipped(f"{name}: {(case.findtext('skipped') or 'disabled').strip()[:200]}")
        elif case.find('failure') is not None or case.find('error') is not None:
            tally.failed(f'{build.name}: {name}')
        else:
            tally.passed += 1
    if r.returncode and len(tally.failures) == before:
        tally.failed(f'meson test in {build.name} says {r.returncode}')
    if r.returncode:
        print(r.stdout[-6000:], flush=True)


class Counting(unittest.TextTestResult):
    """Hands each outcome to a Tally."""
    tally = None

    def addSuccess(self, test):
        super().addSuccess(test)
        self.tally.passed += 1

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.tally.failed(f'{test.id()}\n{self.failures[-1][1]}')

    def addError(self, test, err):
        super().addError(test, err)
        self.tally.failed(f'{test.id()}\n{self.errors[-1][1]}')

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err:
            self.tally.failed(f'{subtest.id()}: {err[1]}')

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.tally.skipped(f'{test.id()}: {reason}')


def python_tests(tally, folder, pattern='*_test.py'):
    os.environ.setdefault('UNDERCOAT_BUILD', str(BUILD))
    sys.path.insert(0, str(folder))
    suite = unittest.defaultTestLoader.discover(str(folder), pattern, top_level_dir=str(folder))
    Counting.tally = tally
    with open(os.devnull, 'w') as quiet:
        unittest.TextTestRunner(stream=quiet, resultclass=Counting).run(suite)
    sys.path.remove(str(folder))
    for name in [n for n, m in sys.modules.items() if str(getattr(m, '__file__', '')).startswith(str(folder))]:
        del sys.modules[name]


def step_build(tally):
    wrong = configure(BUILD)
    if wrong:
        return tally.failed('meson setup: ' + wrong)
    if compile_all(tally, BUILD):
        tally.passed += 1
        for part in ('bin/instrument', 'bin/supervisor', 'bin/undercoat', 'bin/collector', 'lib/libshim.so', 'rules'):
            tally.require((BUNDLE / part).exists(), f'the bundle lacks {part}')


def step_unit(tally):
    meson_tests(tally, BUILD)


def step_checks(tally):
    python_tests(tally, ROOT / 'tests/checks')


def step_bench(tally):
    python_tests(tally, ROOT / 'tests/bench')


def step_e2e(tally):
    python_tests(tally, ROOT / 'tests/e2e')


def step_page(tally):
    python_tests(tally, ROOT / 'tests/page')


def step_conformance(tally):
    if not (SHARED / 'conformance').is_dir():
        return tally.skipped('conformance: ../shared/conformance is not there')
    programs = [p for p in BUILD.glob('tests/conformance*') if p.is_file() and os.access(p, os.X_OK)]
    if not programs:
        return tally.failed('the conformance runner is not built')
    for program in programs:
        take_counts(tally, program.name, run(program, *sorted((SHARED / 'conformance').glob('*.yaml'))))


def take_counts(tally, name, r):
    """Takes over what a runner says: lines that begin with FAIL or skip, its counts as the last line, and its exit status."""
    last = re.search(r'\b(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*\Z', r.stdout)
    if not last:
        return tally.failed(f'{name} did not come to its count: {r.stdout[-2000:]}')
    passed, failed, skipped = (int(n or 0) for n in last.groups())
    failures, skips = ([f'{name}: {l}' for l in r.stdout.splitlines() if l.startswith(word)] for word in ('FAIL', 'skip'))
    tally.passed += passed
    tally.failures += failures
    tally.skips += skips
    if passed == 0:
        tally.failed(f'{name}: nothing passed')
    if failed != len(failures) or skipped != len(skips):
        tally.failed(f'{name} counts {last[0].strip()!r} and names {len(failures)} failures and {len(skips)} skips')
    if r.returncode != (1 if failed else 0):
        tally.failed(f'{name} ended with {r.returncode} after {last[0].strip()!r}')


SCENARIO_RUNS = ([], ['--mode', 'full', '--trap', 'ptrace'])
TRACING = {'ptrace-attach', 'ptrace-traceme'}  # scenarios that trace: a process has one tracer (docs/limits.md)


def step_scenarios(tally):
    runner = SHARED / 'attacks/run-scenarios'
    if not runner.exists():
        return tally.skipped('scenarios: ../shared/attacks is not there')
    if os.getuid() != 0:
        return tally.skipped('scenarios: they need root')
    expected = {l.strip() for l in (ROOT / 'tests/e2e/scenarios_expected.txt').read_text().splitlines()
                if l.strip() and not l.startswith('#')}
    rules = [a for f in RULES for a in ('--rules', SHARED / 'rules' / f)]
    for options in SCENARIO_RUNS:
        scenarios_under(tally, options, runner, rules, expected - (TRACING if 'ptrace' in options else set()))


def scenarios_under(tally, options, runner, rules, expected):
    label = ' '.join(options)
    r = run(runner, '--calls', '--', BUNDLE / 'bin/undercoat', 'run', *options, '--json', *rules, '--alerts', '{alerts}',
            '--events', '{events}', '--')
    if not re.search(r'^\d+ passed, \d+ failed\s*\Z', r.stdout, re.M):
        return tally.failed(f'run-scenarios {label} did not come to its count')
    blocks = re.split(r'^(?=\S)', r.stdout, flags=re.M)
    wrong = {b.split('\n')[0].strip(): b for b in blocks if b.strip() and not re.match(r'\d+ passed', b) and not same_but_for_numbers(b)}
    every = {d.parent.name for d in (SHARED / 'attacks').glob('*/run.sh')}
    require_scenarios(tally, label, expected, every, wrong)
    print(f'  scenarios {label}: {len(every) - len(wrong)} of {len(every)} agree')


def same_but_for_numbers(block):
    """Recorded names have `*` for each number of a process below /proc; the runner puts it for the first one only."""
    lines = re.sub(r'(?<=/proc/\*)((?:/[a-z]+)*)/\d+', r'\1/*', block).splitlines()[1:]
    found = {how: sorted(l.split(None, 1)[1] for l in lines if l.split()[0] == how) for how in ('missing', 'extra')}
    return found['missing'] == found['extra'] and len(lines) == 2 * len(found['missing'])


def require_scenarios(tally, label, expected, every, wrong):
    """Each expected scenario is there and agrees; of the others it is said why they need not."""
    for name in sorted(expected):
        if name in every:
            tally.require(name not in wrong, f'scenario {label} ' + wrong.get(name, ''))
        else:
            tally.failed(f'scenario {label} {name}: tests/e2e/scenarios_expected.txt has it, ../shared/attacks has not')
    reasons = {**dict(re.findall(r'^\| ([\w-]+) \| (.+?) \|$', (ROOT / 'docs/plan.md').read_text(), re.M)),
               **dict.fromkeys(TRACING, 'it traces, and a process has one tracer (docs/limits.md)')}
    for name in sorted(every - expected):
        passes = 'passes and is not in scenarios_expected.txt'
        tally.skipped(f'scenario {label} {name}: {reasons.get(name, passes if name not in wrong else "disagrees, and docs/plan.md has no reason")}')


def step_sanitize(tally):
    build = BUILD.with_name(BUILD.name + '-asan')
    wrong = configure(build, '-Db_sanitize=address,undefined', '-Db_lundef=false', '-Doptimization=0', '-Ddebug=false',
                      '-Dcpp_args=-g1')
    if wrong:
        return tally.failed('meson setup (ASan, UBSan): ' + wrong)
    if compile_all(tally, build):
        # Sanitizers make frames several times as large; the depth limits are made for the usual 8 MiB without them.
        resource.setrlimit(resource.RLIMIT_STACK, (256 << 20, resource.getrlimit(resource.RLIMIT_STACK)[1]))
        os.environ.setdefault('ASAN_OPTIONS', 'detect_leaks=1')
        os.environ.setdefault('UBSAN_OPTIONS', 'halt_on_error=1:print_stacktrace=1')
        meson_tests(tally, build, '--no-suite', 'plain')
    build = BUILD.with_name(BUILD.name + '-tsan')
    wrong = configure(build, '-Db_sanitize=thread', '-Db_lundef=false')
    if wrong:
        return tally.failed('meson setup (TSan): ' + wrong)
    if compile_all(tally, build, 'tests/unit/wire/wire_tests'):
        # A kernel with much address space randomisation leaves TSan's runtime no room; without it the test is the same.
        program = build / 'tests/unit/wire/wire_tests'
        prefix = ['setarch', '-R'] if shutil.which('setarch') else []
        r = run(*prefix, program, '--gtest_filter=Ring.*:RingReader.*')
        passed = re.search(r'\[  PASSED  \] (\d+) test', r.stdout)
        if r.returncode or not passed:
            tally.failed('ring under TSan: ' + r.stdout[-3000:])
        else:
            tally.passed += int(passed[1])


def step_fuzz(tally):
    if not shutil.which('clang++'):
        return tally.failed('fuzz: clang++ is missing')
    build = BUILD.with_name(BUILD.name + '-fuzz')
    wrong = configure(build, '-Dfuzzers=true', '-Dtests=false', env={'CC': 'clang', 'CXX': 'clang++'})
    if wrong:
        return tally.failed('meson setup (fuzzers): ' + wrong)
    targets = sorted(p.stem for p in (ROOT / 'tests/fuzz').glob('*_fuzz.cc'))
    if not compile_all(tally, build, *(f'tests/fuzz/{t}' for t in targets)):
        return

    def fuzz(target):
        corpus = build / f'corpus-{target}'
        corpus.mkdir(exist_ok=True)
        seeds = ROOT / 'tests' / FUZZ_SEEDS.get(target, 'none')
        r = run(build / 'tests/fuzz' / target, f'-max_total_time={FUZZ_SECONDS}', '-max_len=4096', f'-artifact_prefix={build}/',
                corpus, *([seeds] if seeds.is_dir() else []))
        return target, r

    with concurrent.futures.ThreadPoolExecutor(2) as two:
        for target, r in two.map(fuzz, targets):
            tally.require(r.returncode == 0, f'{target}: ' + r.stdout[-3000:])


def step_soak(tally):
    python_tests(tally, ROOT / 'tests/soak')


def step_delivery(tally):
    os.environ['UNDERCOAT_WHOLE'] = '1'
    python_tests(tally, ROOT / 'tests/e2e', 'delivery_test.py')


def step_oracle(tally):
    program = BUILD / 'tests/oracle/oracle_test'
    if not program.exists():
        return tally.failed('the oracle is not built')
    os.environ.setdefault('ORACLE_PAIRS', '1000000')
    os.environ.setdefault('ORACLE_SEED', str(time.time_ns()))
    r = run(program)
    compared = re.search(r'^\d+ pairs of .*', r.stdout, re.M)
    print(f"  seed {os.environ['ORACLE_SEED']}: {compared[0] if compared else 'nothing compared'}")
    tally.require(r.returncode == 0 and compared, 'oracle: ' + r.stdout[-3000:])


def step_transparency(tally):
    take_counts(tally, 'transparency', run(sys.executable, ROOT / 'tests/transparency/run.py'))


RESERVED_PORTS = pathlib.Path('/proc/sys/net/ipv4/ip_local_reserved_ports')


def reserve_ports_of_scenarios():
    """Scenarios listen on fixed ports of the range from which the kernel takes those of outgoing connections: one that another
    step left behind for a minute (TIME_WAIT) would make a scenario fail. What was reserved before is reserved still."""
    ports = {p for run in (SHARED / 'attacks').glob('*/run.sh') for p in re.findall(r'\b4[0-9]{4}\b', run.read_text())}
    try:
        before = RESERVED_PORTS.read_text().strip()
        RESERVED_PORTS.write_text(','.join([before] * bool(before) + sorted(ports)) + '\n')
    except OSError as wrong:
        print(f'ports of scenarios are not reserved: {wrong}', flush=True)
        return
    atexit.register(RESERVED_PORTS.write_text, before + '\n')


def shorten(text, most=3000):
    """Both ends of a long text: the beginning names the test, the end says what differed."""
    return text if len(text) <= most else f'{text[:most // 2]}\n[{len(text) - most} characters left out]\n{text[-(most // 2):]}'


def summary(failure):
    """One line: the test, and the last line of what it said, where Python puts what was wrong."""
    lines = [l.strip() for l in failure.strip().splitlines() if l.strip()]
    wrong = [l for l in lines[1:] if re.match(r'[\w.]*(Error|Exception|Expired)\b', l)] or lines[1:]
    return shorten(lines[0], 200).replace('\n', ' ') + (': ' + wrong[-1][:200] if wrong else '')


def print_outcome(step, tally):
    for f in tally.failures:
        print('  FAILED ' + shorten(f.rstrip()).replace('\n', '\n    '), flush=True)
    most = 20
    for s in tally.skips[:most]:
        print('  skipped ' + s, flush=True)
    if len(tally.skips) > most:
        every = BUILD / f'skipped-{step}.txt'
        every.write_text('\n'.join(tally.skips) + '\n')
        print(f'  skipped {len(tally.skips) - most} more: {every}', flush=True)


STEPS = ['build', 'unit', 'checks', 'bench', 'conformance', 'e2e', 'page', 'scenarios', 'sanitize', 'fuzz', 'transparency']


def main():
    wanted = sys.argv[1:] or STEPS
    if set(wanted) - {*STEPS, 'delivery', 'oracle', 'soak'}:
        sys.exit(__doc__)
    reserve_ports_of_scenarios()
    passed, failures, skips = 0, [], []
    for step in wanted:
        tally, began = Tally(), time.monotonic()
        globals()['step_' + step](tally)
        passed += tally.passed
        failures += tally.failures
        skips += tally.skips
        print(f'{step}: {tally.passed} passed, {len(tally.failures)} failed, {len(tally.skips)} skipped '
              f'({time.monotonic() - began:.0f} s)', flush=True)
        print_outcome(step, tally)
        if step == 'build' and tally.failures:
            break
    for f in failures:
        print('FAILED ' + summary(f))
    print(f'{passed} passed, {len(failures)} failed' + (f', {len(skips)} skipped' if skips else ''))
    sys.exit(1 if failures else 0)


if __name__ == '__main__':
    main()
