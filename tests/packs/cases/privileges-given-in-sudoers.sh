# Rule: Privileges given in sudoers
# Also: go
benign() {
    mkdir -p /etc/sudoers.d
    "$TOOL" write /etc/sudoers.txt
    cp "$TOOL" /usr/sbin/visudo
    /usr/sbin/visudo write /etc/sudoers.d/checked
}
attack() {
    mkdir -p /etc/sudoers.d
    "$TOOL" write /etc/sudoers.d/extra
}
