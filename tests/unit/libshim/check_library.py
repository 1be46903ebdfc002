#!/usr/bin/env python3
"""Checks libshim.so as a file: what it needs, imports and exports, and how it is laid out.

usage: check_library.py LIBSHIM HOOKS_GEN_INC
"""
import re
import subprocess
import sys

ALLOWED_IMPORTS = {'__errno_location', '___errno_location', 'environ', 'dl_iterate_phdr'}
OTHER_HOOKS = {'getaddrinfo', 'gethostbyname', 'gethostbyname2', 'gethostbyname_r', 'gethostbyname2_r', 'pthread_cancel',
               'ioctl', 'syscall', 'system', 'popen', 'mmap', 'mmap64', 'munmap', 'mprotect', 'mremap'}
ALLOWED_RELOCATIONS = {'R_X86_64_RELATIVE', 'R_X86_64_GLOB_DAT', 'R_X86_64_TPOFF64'}


def readelf(*options):
    return subprocess.run(['readelf', '-W', *options], check=True, capture_output=True, text=True).stdout


def main():
    library, hooks = sys.argv[1:3]
    wrong = []
    if 'NEEDED' in readelf('-d', library):
        wrong.append('it has DT_NEEDED entries')
    loads = re.findall(r'^\s+LOAD\s.*$', readelf('-l', library), re.M)
    if len(loads) != 2:
        wrong.append(f'it has {len(loads)} PT_LOAD segments instead of 2')
    # All data of the library in one page: each further one is a fault and a copy at every execution.
    for load in loads:
        fields = load.split()
        start, size = int(fields[2], 16), int(fields[5], 16)
        if 'W' in ''.join(fields[6:-1]) and start // 4096 != (start + size - 1) // 4096:
            wrong.append(f'its data is {size} bytes and spans more than one page')
    if 'GNU_RELRO' in readelf('-l', library):
        wrong.append('it has a RELRO segment, which costs an mprotect at each exec')
    exported = set()
    for line in readelf('--dyn-syms', library).splitlines():
        f = line.split()
        if len(f) < 8 or not f[0][:-1].isdigit():
            continue
        name = f[7].split('@')[0]
        if f[6] != 'UND':
            exported.add(name)
        elif name not in ALLOWED_IMPORTS or f[4] != 'WEAK':
            wrong.append(f'it imports {name} ({f[4]})')
    relocations = set(re.findall(r'R_X86_64_\w+', readelf('-r', library)))
    if relocations - ALLOWED_RELOCATIONS:
        wrong.append(f'it has relocations {sorted(relocations - ALLOWED_RELOCATIONS)}')
    with open(hooks) as f:
        hooked = set(re.findall(r'^UC_HOOK\((\w+),', f.read(), re.M))
    if hooked - exported:
        wrong.append(f'it does not export the hooks {sorted(hooked - exported)}')
    if exported - hooked - OTHER_HOOKS:
        wrong.append(f'it exports {sorted(exported - hooked - OTHER_HOOKS)} besides the hooks')
    for w in wrong:
        print(f'{library}: {w}')
    print(f'{len(exported)} exports, {len(hooked)} hooks of the table, {len(wrong)} faults')
    sys.exit(bool(wrong) or not hooked)


main()
