# Rule: Program run from anonymous memory
# Also: go
benign() {
    "$TOOL" memfd-data
}
attack() {
    "$TOOL" memfd /bin/true
}
