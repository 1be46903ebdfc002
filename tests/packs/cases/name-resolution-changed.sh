# Rule: Name resolution changed
# Also: go
benign() {
    "$TOOL" read /etc/hosts
}
attack() {
    "$TOOL" append /etc/hosts ''
}
