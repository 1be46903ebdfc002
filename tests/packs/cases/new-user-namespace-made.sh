# Rule: New user namespace made
benign() {
    unshare --uts true
}
attack() {
    "$TOOL" unshare-user
}
