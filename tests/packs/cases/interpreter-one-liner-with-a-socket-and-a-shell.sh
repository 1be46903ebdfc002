# Rule: Interpreter one-liner with a socket and a shell
benign() {
    /usr/bin/python3 -c 'import socket; print(socket.gethostname())'
}
attack() {
    /usr/bin/python3 -c 'import socket, os, pty; pty.spawn' && true
    /usr/bin/perl -e 'use Socket; $i = "127.0.0.1"; exit 0; exec("/bin/sh -i");'
}
