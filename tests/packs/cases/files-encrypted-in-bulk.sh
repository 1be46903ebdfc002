# Rule: Files encrypted in bulk
# Only: dynamic: the find of a static shell is no program of its own
benign() {
    echo x > a
    openssl enc -aes-256-cbc -pbkdf2 -k key -in a -out a.enc
}
attack() {
    echo x > a
    echo x > b
    find . -type f -name '[ab]' -exec openssl enc -aes-256-cbc -pbkdf2 -k key -in '{}' -out '{}.locked' ';'
}
