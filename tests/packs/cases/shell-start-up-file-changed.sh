# Rule: Shell start-up file changed
# Also: go
benign() {
    "$TOOL" read /etc/profile
    "$TOOL" write profile
}
attack() {
    "$TOOL" write /etc/profile.d/extra.sh
    echo true >> ~/.bashrc
}
