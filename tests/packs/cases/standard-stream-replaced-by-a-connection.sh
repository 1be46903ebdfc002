# Rule: Standard stream replaced by a connection
# Also: go
benign() {
    catcher 4101
    "$TOOL" connect 127.0.0.1 4101
    sh -c 'exec 3>&1; echo text >&3' >/dev/null
    catcher 4116
    /bin/bash -c '(echo > /dev/tcp/127.0.0.1/4116) 2>/dev/null'
}
attack() {
    catcher 4102
    "$TOOL" shell-on 127.0.0.1 4102
}
