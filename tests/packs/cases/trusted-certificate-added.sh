# Rule: Trusted certificate added
# Also: go
benign() {
    "$TOOL" read /etc/ssl/certs/ca-certificates.crt
}
attack() {
    mkdir -p /usr/local/share/ca-certificates
    "$TOOL" write /usr/local/share/ca-certificates/own.crt
}
