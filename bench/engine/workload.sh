#!/bin/sh
# The mix that `script/bench engine` records: what programs of every day do. Everything happens in the directory $1.
# Programs that are not installed are left out.
set -u
cd "$1" || exit 1
have() { command -v "$1" >/dev/null 2>&1; }

# A shell script that runs small programs.
for i in 1 2 3 4 5 6 7 8; do
    mkdir -p d$i/e && cp /etc/passwd d$i/e/p && mv d$i/e/p d$i/e/q && chmod 600 d$i/e/q
    sort d$i/e/q | uniq | head -3 | sed s/root/toor/ >d$i/out && ln -s out d$i/link && cat d$i/link >/dev/null
done
ls -lR . >/dev/null; find / -xdev -maxdepth 3 -name '*.conf' >/dev/null 2>&1
# Archives, a compiler, version control.
tar cf a.tar d? && mkdir x && tar xf a.tar -C x && gzip a.tar
if have cc; then
    printf '#include <stdio.h>\n#include <stdlib.h>\nint main(void) { puts("hi"); return 0; }\n' >h.c
    for i in 1 2 3; do cc -O -o h$i h.c && ./h$i >/dev/null; done
fi
if have git; then
    (mkdir g && cd g && git init -q . && for i in 1 2 3; do
        echo $i >f$i; git add . && git -c user.name=a -c user.email=a@b commit -qm $i; done; git log -p >/dev/null; git status >/dev/null)
fi
# An interpreter that imports much, serves and fetches.
if have python3; then
    python3 - <<'EOF'
import email, json, http.server, sqlite3, ssl, subprocess, threading, unittest, urllib.request, xml.dom.minidom
class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *a): pass
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Quiet)
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f'http://127.0.0.1:{server.server_address[1]}/'
for i in range(300):
    urllib.request.urlopen(url + ('h.c' if i % 3 else 'none.txt') if i % 7 else url, timeout=5).read() if i % 3 else None
db = sqlite3.connect('db')
db.execute('create table t (x)')
for i in range(50):
    db.execute('insert into t values (?)', (i,)); db.commit()
for i in range(20): subprocess.run(['true'])
for i in range(1500): open('/etc/hostname' if i % 2 else 'h.c').close()
EOF
fi
rm -rf d? x
