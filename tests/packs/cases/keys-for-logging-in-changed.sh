# Rule: Keys for logging in changed
# Also: go
benign() {
    mkdir -p ~/.ssh
    "$TOOL" read ~/.ssh/authorized_keys
    "$TOOL" write ~/.ssh/known_hosts
}
attack() {
    mkdir -p ~/.ssh
    "$TOOL" write ~/.ssh/authorized_keys
    echo key > keys
    mv keys ~/.ssh/authorized_keys
}
