# Rule: Root directory of another process entered
# Also: go
benign() {
    "$TOOL" read /proc/1/status
    "$TOOL" read /proc/self/root/etc/hostname
}
attack() {
    "$TOOL" read /proc/1/root/etc/hostname
}
