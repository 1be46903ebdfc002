# Rule: Java program started a shell
benign() {
    as java /bin/true
}
attack() {
    as java sh -c 'id >/dev/null'
}
