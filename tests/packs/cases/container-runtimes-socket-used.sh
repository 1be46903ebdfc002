# Rule: Container runtime's socket used
# Also: go
benign() {
    "$CATCHER" catch-unix /run/log.sock &
    wait_for [ -S /run/log.sock ]
    "$TOOL" connect-unix /run/log.sock
}
attack() {
    "$CATCHER" catch-unix /var/run/docker.sock &
    wait_for [ -S /var/run/docker.sock ]
    "$TOOL" connect-unix /var/run/docker.sock
}
