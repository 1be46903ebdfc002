# Rule: Login configuration changed
# Also: go
benign() {
    "$TOOL" read /etc/pam.d/login
    mkdir -p /etc/pam.d /etc/security
    "$TOOL" write /etc/security.txt
}
attack() {
    mkdir -p /etc/pam.d
    "$TOOL" write /etc/pam.d/extra
    echo x > module
    mkdir -p /lib/x86_64-linux-gnu/security
    mv module /lib/x86_64-linux-gnu/security/pam_extra.so
}
