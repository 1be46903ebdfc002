# Rule: File system mounted inside the container
benign() {
    mount
    cat /proc/mounts
}
attack() {
    mkdir there
    mount -t tmpfs none there
    umount there
}
