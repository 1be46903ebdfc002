# Rule: Raw packets read or made
benign() {
    "$TOOL" socket inet
}
attack() {
    "$TOOL" socket packet
}
