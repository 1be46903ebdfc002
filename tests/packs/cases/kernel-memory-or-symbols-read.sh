# Rule: Kernel memory or symbols read
# Also: go
benign() {
    "$TOOL" read /proc/version
}
attack() {
    "$TOOL" read /proc/kallsyms
}
