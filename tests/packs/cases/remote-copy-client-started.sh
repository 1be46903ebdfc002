# Rule: Remote copy client started
benign() {
    named scp
    cp /etc/hostname file
    rsync --version
}
attack() {
    named scp
    scp file user@host.example.test:
}
