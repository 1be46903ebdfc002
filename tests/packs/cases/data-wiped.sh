# Rule: Data wiped
benign() {
    mkdir tree
    rm -rf tree
    dd if=/dev/zero of=file bs=1k count=1
}
attack() {
    echo x > file
    shred file
    named rm
    rm -rf --no-preserve-root /nowhere
}
