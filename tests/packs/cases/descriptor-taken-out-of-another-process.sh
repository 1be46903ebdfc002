# Rule: Descriptor taken out of another process
benign() {
    sleep 5 &
    "$TOOL" read "/proc/$!/fd/0"
}
attack() {
    sleep 5 &
    "$TOOL" getfd $! 0
}
