# Rule: Program run from a scratch directory
# Also: go
benign() {
    echo true > /tmp/text.sh
    sh /tmp/text.sh
    mkdir -p /tmp/go-build1
    cp "$NOTHING" /tmp/go-build1/test
    /tmp/go-build1/test
}
attack() {
    cp "$NOTHING" /tmp/update
    /tmp/update
    cp "$TOOL" /var/tmp/tool
    /var/tmp/tool run /bin/true
}
