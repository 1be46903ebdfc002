# Rule: Environment of another process read
# Also: go
benign() {
    "$TOOL" read /proc/self/environ
    "$TOOL" read /proc/$$/status
}
attack() {
    "$TOOL" read "/proc/$$/environ"
}
