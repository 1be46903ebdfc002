"""Source packages of Debian that hold test suites, fetched once with apt into the build directory.

Must stay true: the machine's own apt settings stay as they are; what cannot be fetched is a suite that is skipped by name, no error.
"""
import os
import pathlib
import subprocess

CACHE = pathlib.Path(os.environ.get('UNDERCOAT_BUILD', pathlib.Path(__file__).resolve().parents[2] / 'build')) / 'transparency-sources'
LIST = 'deb-src http://deb.debian.org/debian bookworm main\n'


def apt_options():
    folder = CACHE / 'apt'
    (folder / 'lists/partial').mkdir(parents=True, exist_ok=True)
    (folder / 'sources.list').write_text(LIST)
    options = {'Dir::Etc::SourceList': folder / 'sources.list', 'Dir::Etc::SourceParts': '/dev/null', 'Dir::State::Lists': folder / 'lists',
               'APT::Sandbox::User': 'root'}
    return [a for name, value in options.items() for a in ('-o', f'{name}={value}')]


def fetch(packages):
    """Unpacks the newest original source of each package that is not here yet."""
    wanted = [p for p in packages if not tree(p)]
    if not wanted:
        return
    subprocess.run(['apt-get', *apt_options(), '-qq', 'update'], capture_output=True)
    for package in wanted:
        where = CACHE / package
        where.mkdir(parents=True, exist_ok=True)
        subprocess.run(['apt-get', *apt_options(), '-qq', 'source', '--download-only', package], cwd=where, capture_output=True)
        for archive in where.glob('*.orig.tar.*'):
            if archive.suffix != '.asc':
                subprocess.run(['tar', 'xf', archive, '--no-same-owner'], cwd=where, capture_output=True)


def tree(package):
    """The unpacked tree of a package, or None."""
    found = [d for d in (CACHE / package).glob('*') if d.is_dir()]
    return found[0] if found else None
