# Rule: Page faults served by an unprivileged program
benign() {
    "$TOOL" userfaultfd 0
}
attack() {
    "$TOOL" userfaultfd 65534
}
