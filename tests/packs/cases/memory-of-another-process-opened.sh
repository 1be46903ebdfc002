# Rule: Memory of another process opened
# Also: go
benign() {
    "$TOOL" read "/proc/$$/maps"
    "$TOOL" read /proc/self/mem
}
attack() {
    "$TOOL" read "/proc/$$/mem"
}
