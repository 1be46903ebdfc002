# Rule: File opened by its handle
benign() {
    "$TOOL" read /etc/hostname
}
attack() {
    "$TOOL" handle /etc/hostname
}
