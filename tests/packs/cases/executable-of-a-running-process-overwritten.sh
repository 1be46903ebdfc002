# Rule: Executable of a running process overwritten
# Also: go
benign() {
    "$TOOL" read /proc/self/exe
}
attack() {
    cp "$TOOL" victim
    ./victim sleep 5 &
    "$TOOL" write "/proc/$!/exe"
}
