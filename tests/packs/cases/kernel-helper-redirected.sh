# Rule: Kernel helper redirected
# Also: go
benign() {
    "$TOOL" read /proc/sys/kernel/core_pattern
}
attack() {
    : > core
    mount --bind core /proc/sys/kernel/core_pattern
    "$TOOL" write /proc/sys/kernel/core_pattern
    umount /proc/sys/kernel/core_pattern
}
