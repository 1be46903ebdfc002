# Rule: Machine tuned for mining
# Also: go
benign() {
    "$TOOL" read /proc/sys/vm/nr_hugepages
}
attack() {
    : > pages
    mount --bind pages /proc/sys/vm/nr_hugepages
    "$TOOL" write /proc/sys/vm/nr_hugepages
    umount /proc/sys/vm/nr_hugepages
}
