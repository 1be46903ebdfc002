"""The packs of the bundle: each rule is fired by its attack and left alone by the look-alike of it (tests/packs/cases), in a container
whose root is this machine's own, copied on write.

Must stay true: nothing of this machine is changed; each rule of each pack has a case; a case of no rule is an error.
"""
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

import images
from harness import BUILD, BUNDLE, ROOT, Case, lines_of_json

CASES = ROOT / 'tests/packs/cases'
PACKS = BUNDLE / 'rules'
WORK = BUILD / 'packs'
SECONDS = 100  # for one run of all cases

# The case and its part stand in the environment of what it starts, or of one of its ancestors.
CONFIG = '''
append_output:
  - extra_fields: [{case: "%proc.aenv[UC_CASE]"}]
'''
HOSTS = ('127.0.0.1 localhost', '127.0.0.66 c2.indicator.test', '127.0.0.67 pool.supportxmr.com', '127.0.0.68 webhook.site',
         '127.0.0.69 good.example.test')
# In a network of its own these addresses answer, with a refusal.
ADDRESSES = ('169.254.169.254/32', '169.254.170.2/32', '169.254.170.3/32', '192.0.2.66/32', '192.0.2.200/32', '128.31.0.39/32')
CAPABILITIES = ['CAP_' + c for c in '''CHOWN DAC_OVERRIDE DAC_READ_SEARCH FSETID FOWNER MKNOD NET_RAW NET_ADMIN SETGID SETUID SETFCAP SETPCAP
 NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE SYS_ADMIN SYS_PTRACE SYS_MODULE LINUX_IMMUTABLE BPF'''.split()]

# Mounts an overlay of / below $1, its upper layer in memory, and starts the container in it.
OVERLAY = 'mount -t tmpfs tmpfs "{0}" && mkdir "{0}/upper" "{0}/work" "{0}/root" && ' \
          'mount -t overlay overlay -o lowerdir=/,upperdir="{0}/upper",workdir="{0}/work" "{0}/root" && ' \
          'mkdir -p "{0}/root/opt/undercoat" "{0}/root/out" "{0}/root/packs" "{0}/root/scratch" && {1}'


class CaseFile:
    """A case: its rule, and with which builds of the tool it runs."""

    def __init__(self, path):
        self.path, self.slug = path, path.stem
        head = dict(re.findall(r'^# (\w+): (.*)$', path.read_text(), re.M))
        self.rule = head.get('Rule', '')
        self.builds = {'dynamic'} if 'Only' in head else {'dynamic', 'static'} | set(head.get('Also', '').split())


def cases():
    return [CaseFile(p) for p in sorted(CASES.glob('*.sh'))]


def rules():
    listed = subprocess.run([BUNDLE / 'bin/undercoat', 'rules', 'list', '--json', PACKS], capture_output=True, text=True, check=True)
    return json.loads(listed.stdout)


class Complete(unittest.TestCase):
    """What can be said of the packs without running anything."""
    maxDiff = None

    def test_each_rule_has_its_case(self):
        named = sorted(c.rule for c in cases())
        self.assertEqual(sorted(r['name'] for r in rules()), named)

    def test_each_case_has_both_parts(self):
        for c in cases():
            self.assertRegex(c.path.read_text(), r'(?ms)^benign\(\) \{\n    \S.*^attack\(\) \{\n    \S', c.slug)

    def test_each_rule_is_tagged_and_says_what_to_do(self):
        for r in rules():
            with self.subTest(rule=r['name']):
                self.assertTrue(any(re.fullmatch(r'mitre_[a-z_]+', t) for t in r['tags']))
                self.assertTrue(any(re.fullmatch(r'T\d{4}(\.\d{3})?', t) for t in r['tags']))
                self.assertGreater(len(r['description'].split()), 10)

    def test_there_are_many(self):
        self.assertGreaterEqual(len(rules()), 60)

    def test_packs_load(self):
        r = subprocess.run([BUNDLE / 'bin/undercoat', 'rules', 'check', PACKS], capture_output=True, text=True)
        self.assertEqual(0, r.returncode, r.stdout)
        self.assertNotIn('Invalid', r.stdout)


def built(build):
    """The directory of the tool's build: tool and nothing."""
    to = WORK / build
    sources = [ROOT / 'tests/packs/tool.c', ROOT / 'tests/packs/nothing.c', ROOT / 'tests/packs/gotool/main.go']
    if (to / 'stamp').exists() and (to / 'stamp').stat().st_mtime > max(s.stat().st_mtime for s in sources):
        return to
    to.mkdir(parents=True, exist_ok=True)
    flags = ['-O1', '-Wall'] + (['-static'] if build != 'dynamic' else [])
    subprocess.run(['gcc', *flags, '-o', to / 'nothing', sources[1]], check=True)
    if build == 'go':
        env = {**os.environ, 'CGO_ENABLED': '0', 'GO111MODULE': 'off', 'GOCACHE': str(WORK / 'go-cache')}
        subprocess.run(['go', 'build', '-ldflags=-s -w', '-o', to / 'tool', '.'], cwd=sources[2].parent, env=env, check=True)
    else:
        subprocess.run(['gcc', *flags, '-o', to / 'tool', sources[0]], check=True)
    (to / 'stamp').write_text('')
    return to


class Fired(Case):
    """All cases in one container, once for each build of the tool."""

    def setUp(self):
        super().setUp()
        self.need_root()
        if why := images.why_not():
            self.skipTest(why)
        mount = self.dir / 'try'
        mount.mkdir()
        r = subprocess.run(['unshare', '--mount', 'sh', '-c', OVERLAY.format(mount, 'true')], capture_output=True, text=True)
        if r.returncode:
            self.skipTest(f'no overlay of this machine\'s root: {r.stderr.strip()}')

    def packs_dir(self, build):
        """What is mounted on /packs: cases, tools, busybox' programs."""
        packs = self.dir / 'packs'
        shutil.copytree(ROOT / 'tests/packs', packs)
        for name in ('tool', 'nothing'):
            shutil.copy(built(build) / name, packs / name)
        shutil.copy(built('dynamic') / 'tool', packs / 'catcher')
        (packs / 'busybox').mkdir()
        if build == 'static':
            if not os.path.exists('/bin/busybox'):
                self.skipTest('busybox-static is not installed')
            shutil.copy('/bin/busybox', packs / 'busybox/busybox')
            for name in 'sh cat cp mv rm ln mkdir touch grep find sed tar timeout sleep env true wget mkfifo id uname whoami'.split():
                (packs / 'busybox' / name).symlink_to('busybox')
        return packs

    def play(self, build, wanted):
        """Runs the cases. Returns {rule: {slug.part}} and what the driver said of each part."""
        packs, out = self.packs_dir(build), self.dir / 'out'
        out.mkdir()
        bad = (packs / 'nothing').read_bytes() + b'bad'
        made = subprocess.run([BUNDLE / 'bin/undercoat', 'rules', 'intel', 'build', '--append', '-'], check=True, text=True,
                              capture_output=True, input=hashlib.sha256(bad).hexdigest())
        (packs / 'own.yaml').write_text(made.stdout)
        (packs / 'config.yaml').write_text(CONFIG)
        (packs / 'start.sh').write_text(
            ''.join(f'/bin/busybox ip addr add {a} dev lo\n' for a in ADDRESSES) + '/bin/busybox ip link set lo up\n' +
            ''.join(f'echo "{h}" >> /etc/hosts\n' for h in HOSTS) + 'mkdir -p /root/.ssh /var/log\n' +
            'exec /opt/undercoat/bin/instrument --mode full --rules /opt/undercoat/rules --rules /packs/own.yaml --config /packs/config.yaml '
            '--json --alerts /out/alerts --events /out/events -- /packs/busybox-or-sh /packs/drive.sh "$@"\n'.replace(
                '/packs/busybox-or-sh', '/packs/busybox/sh' if build == 'static' else '/bin/sh'))
        path = '/usr/sbin:/usr/bin:/sbin:/bin'
        env = [f'PATH={"/packs/busybox:" if build == "static" else ""}{path}', 'HOME=/root', 'LC_ALL=C', 'UNDERCOAT_PRIORITY=security',
               'TOOL=/packs/tool', 'NOTHING=/packs/nothing', 'CATCHER=/packs/catcher',
               f'UC_SHELL={"/packs/busybox/sh" if build == "static" else "/bin/sh"}']
        mount = self.dir / 'mount'
        mount.mkdir()
        spec = images.specification(mount / 'root', '/bin/sh', '/packs/start.sh', *[f'/packs/cases/{c.slug}.sh' for c in wanted],
                                    capabilities=CAPABILITIES, env=env, read_only=False, out=out, files=4096)
        spec['process']['env'] = env
        spec['mounts'] += [{'destination': '/packs', 'type': 'bind', 'source': str(packs), 'options': ['rbind', 'ro']}]
        for m in spec['mounts']:
            m['options'] = [o for o in m.get('options', []) if o != 'noexec' or m['destination'] != '/dev/shm']
        for place in ('/tmp', '/run', '/var/tmp'):
            spec['mounts'].append({'destination': place, 'type': 'tmpfs', 'source': 'tmpfs', 'options': ['mode=1777', 'exec']})
        self.container = images.Container(self.dir, spec)
        self.addCleanup(self.container.delete)
        r = images.crun('run', '--bundle', self.container.dir, self.container.name, before=OVERLAY.format(mount, ''), timeout=SECONDS)
        said = {m[1]: m[2] for m in re.finditer(r'^([\w-]+\.\w+) (\d+) [\d.]+$', r.stdout, re.M)}
        if keep := os.environ.get('UC_PACK_KEEP'):
            shutil.copytree(out, keep, dirs_exist_ok=True)
            pathlib.Path(keep, 'said').write_text(r.stdout + r.stderr)
        self.assertEqual(2 * len(wanted), len(said), r.stderr[-3000:] + r.stdout[-1000:])
        fired = {}
        for a in lines_of_json(out / 'alerts'):
            fired.setdefault(a['rule'], {}).setdefault(a['output_fields'].get('case'), a)
        return fired, said

    def check(self, build):
        only = os.environ.get('UC_PACK_CASES', '').split()
        wanted = [c for c in cases() if build in c.builds and (not only or c.slug in only)]
        fired, said = self.play(build, wanted)
        for c in wanted:
            with self.subTest(rule=c.rule, build=build):
                log = ''.join(f'\n{p}: {(self.dir / "out" / f"{c.slug}.{p}.log").read_text(errors="replace")}' for p in ('benign', 'attack'))
                by = fired.get(c.rule, {})
                self.assertIn(f'{c.slug}.attack', by, 'the attack did not fire it' + log)
                self.assertNotIn(f'{c.slug}.benign', by, f'the look-alike fired it: {by.get(c.slug + ".benign")}{log}')
                self.assertEqual('0', said[f'{c.slug}.benign'], 'the look-alike did not do what it was to do' + log)
                self.assertNotEqual('124', said[f'{c.slug}.attack'], 'it hung' + log)

    def test_dynamic_programs(self):
        self.check('dynamic')

    def test_static_programs(self):
        self.check('static')

    def test_go_programs(self):
        if not shutil.which('go'):
            self.skipTest('go is not installed')
        self.check('go')


if __name__ == '__main__':
    unittest.main()
