# Rule: Kernel module loaded or removed
benign() {
    lsmod
    named modprobe
    bin/modprobe --version
}
attack() {
    "$TOOL" init-module
    named insmod
    insmod /tmp/rootkit.ko
}
