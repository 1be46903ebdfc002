#!/usr/bin/env python3
"""usage: embed_files.py DIRECTORY OUTPUT.cc

Writes the files below DIRECTORY (it may be missing) as a table of C++ for collector/api/page.h, sorted by path."""
import mimetypes
import pathlib
import sys

TYPES = {'.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.html': 'text/html; charset=utf-8',
         '.svg': 'image/svg+xml', '.json': 'application/json', '.txt': 'text/plain; charset=utf-8', '.ico': 'image/x-icon',
         '.woff2': 'font/woff2', '.map': 'application/json'}


def main():
    top, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    files = sorted(p for p in top.rglob('*') if p.is_file()) if top.is_dir() else []
    text = '// Made by tools/embed_files.py.\n#include "collector/api/page.h"\n\nnamespace undercoat::collector {\nnamespace {\n\n'
    for i, path in enumerate(files):
        data = path.read_bytes()
        rows = [', '.join(str(b) for b in data[at:at + 32]) for at in range(0, len(data), 32)]
        text += f'constexpr unsigned char kFile{i}[] = {{\n' + ',\n'.join(rows or ['0']) + '};\n'
    text += 'const PageFile kFiles[] = {\n'
    for i, path in enumerate(files):
        kind = TYPES.get(path.suffix) or mimetypes.guess_type(path.name)[0] or 'application/octet-stream'
        text += (f'    {{"/{path.relative_to(top).as_posix()}", "{kind}", '
                 f'{{reinterpret_cast<const char*>(kFile{i}), {path.stat().st_size}}}}},\n')
    text += '    {"", "", {}}};\n\n}  // namespace\n\n'
    text += f'std::span<const PageFile> page_files() {{ return {{kFiles, {len(files)}}}; }}\n\n}}  // namespace undercoat::collector\n'
    out.write_text(text)


main()
