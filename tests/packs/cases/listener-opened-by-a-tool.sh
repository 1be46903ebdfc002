# Rule: Listener opened by a tool
benign() {
    named nc
    nc 127.0.0.1 80
    /usr/bin/python3 -c 'import http.server'
}
attack() {
    named nc
    nc -lvp 4444
    timeout 0.5 /usr/bin/python3 -m http.server 4114 || true  # ended by timeout
}
