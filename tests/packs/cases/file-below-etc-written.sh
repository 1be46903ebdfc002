# Rule: File below etc written
# Also: go
benign() {
    "$TOOL" read /etc/hostname
    "$TOOL" write etc
}
attack() {
    "$TOOL" write /etc/extra.conf
}
