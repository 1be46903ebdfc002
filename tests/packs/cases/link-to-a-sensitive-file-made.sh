# Rule: Link to a sensitive file made
benign() {
    ln -s /etc/hostname link
}
attack() {
    ln -s /etc/shadow secret
    ln -s / everything
}
