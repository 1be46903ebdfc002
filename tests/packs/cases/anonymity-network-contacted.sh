# Rule: Anonymity network contacted
# Also: go
benign() {
    "$TOOL" connect 127.0.0.1 9001
}
attack() {
    "$TOOL" connect 128.31.0.39 9131
}
