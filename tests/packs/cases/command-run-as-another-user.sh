# Rule: Command run as another user
benign() {
    named sudo
    sudo -l
}
attack() {
    named sudo
    sudo id
    named su
    su - nobody -s /bin/sh
}
