# Rule: Namespace of another process entered
benign() {
    nsenter --help
    readlink /proc/self/ns/net
}
attack() {
    "$TOOL" setns /proc/1/ns/net
    nsenter --uts=/proc/1/ns/uts true
}
