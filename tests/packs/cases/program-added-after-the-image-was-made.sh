# Rule: Program added after the image was made
# Also: go
benign() {
    /bin/true
}
attack() {
    cp "$NOTHING" /usr/local/bin/added
    /usr/local/bin/added
}
