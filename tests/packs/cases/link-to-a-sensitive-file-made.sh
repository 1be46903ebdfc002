# Rule: Link to a sensitive file made
benign() {
    ln -s /etc/passwd link
}
attack() {
    ln -s /etc/shadow secret
    ln -s / everything
}
