# Rule: Raw disk opened
benign() {
    "$TOOL" read /dev/null
    mknod pipe p
}
attack() {
    "$TOOL" mknod-blk /dev/sdq
    "$TOOL" read /dev/sdq
    named debugfs
    debugfs /dev/sdq
}
