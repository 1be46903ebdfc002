# Rule: Debugger started
benign() {
    named gdb
    gdb --version
}
attack() {
    named gdb
    gdb -p 1
    strace -o /dev/null true
}
