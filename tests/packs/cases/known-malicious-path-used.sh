# Rule: Known malicious path used
# Also: go
benign() {
    "$TOOL" write /tmp/kin
}
attack() {
    "$TOOL" write /tmp/kinsing
    cp "$NOTHING" /tmp/xmrig
    /tmp/xmrig
}
