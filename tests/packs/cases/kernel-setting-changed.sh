# Rule: Kernel setting changed
benign() {
    cat /proc/sys/kernel/hostname
    sysctl -n kernel.hostname
}
attack() {
    : > setting
    mount --bind setting /proc/sys/kernel/randomize_va_space
    echo 0 > /proc/sys/kernel/randomize_va_space
    umount /proc/sys/kernel/randomize_va_space
}
