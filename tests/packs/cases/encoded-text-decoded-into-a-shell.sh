# Rule: Encoded text decoded into a shell
benign() {
    sh -c 'echo aGVsbG8= | base64 -d > text; true'
    sh -c 'base64 < /etc/hostname | cat > text'
}
attack() {
    sh -c 'echo dHJ1ZQo= | base64 -d | sh'
    sh -c 'eval "$(echo dHJ1ZQo= | base64 --decode)"'
}
