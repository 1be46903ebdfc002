# Rule: Remote login client started
benign() {
    named ssh
    ssh -V
}
attack() {
    named ssh
    ssh user@host.example.test
}
