# Rule: Service name worn by a program elsewhere
benign() {
    named sshd
    sshd
}
attack() {
    cp "$NOTHING" /tmp/sshd
    /tmp/sshd
}
