# Rule: SSH server settings changed
# Also: go
benign() {
    mkdir -p /etc/ssh
    "$TOOL" read /etc/ssh/sshd_config
    "$TOOL" write /etc/ssh/ssh_config_extra
}
attack() {
    mkdir -p /etc/ssh
    "$TOOL" write /etc/ssh/sshd_config
    echo PermitRootLogin yes >> /etc/ssh/sshd_config
}
