# Rule: Asynchronous kernel interface set up
benign() {
    "$TOOL" socket inet
}
attack() {
    "$TOOL" io-uring
}
