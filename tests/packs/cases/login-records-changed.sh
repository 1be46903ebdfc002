# Rule: Login records changed
# Also: go
benign() {
    "$TOOL" read /var/log/wtmp
    "$TOOL" write /var/log/wtmp.txt
}
attack() {
    "$TOOL" write /var/log/wtmp
    : > /var/log/btmp
}
