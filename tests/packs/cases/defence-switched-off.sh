# Rule: Defence switched off
benign() {
    named systemctl
    systemctl status falco
    systemctl restart rsyslog
    named iptables
    iptables -L
}
attack() {
    named systemctl
    systemctl stop falco
    named pkill
    pkill -9 auditd
    named iptables
    iptables -F
    named setenforce
    setenforce 0
}
