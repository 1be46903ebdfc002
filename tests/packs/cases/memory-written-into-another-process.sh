# Rule: Memory written into another process
benign() {
    sleep 5 &
    "$TOOL" read "/proc/$!/status"
}
attack() {
    sleep 5 &
    "$TOOL" vmwrite $!
}
