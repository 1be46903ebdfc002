# Rule: Known bad address contacted
# Also: go
benign() {
    "$TOOL" connect 127.0.0.1 4115
}
attack() {
    "$TOOL" connect 192.0.2.66 443
    "$TOOL" connect 192.0.2.200 443
}
