# Rule: Process traced by a stranger
benign() {
    cp "$TOOL" /usr/bin/gdb
    sleep 5 &
    /usr/bin/gdb ptrace $!
}
attack() {
    sleep 5 &
    "$TOOL" ptrace $!
}
