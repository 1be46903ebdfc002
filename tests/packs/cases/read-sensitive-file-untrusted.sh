# Rule: Read sensitive file untrusted
# Also: go
benign() {
    "$TOOL" read /etc/passwd
    as passwd /bin/true
    cp "$TOOL" /usr/sbin/passwd
    /usr/sbin/passwd read /etc/shadow
}
attack() {
    "$TOOL" read /etc/shadow
    cat /etc/sudoers >/dev/null
}
