# Rule: Packets captured
benign() {
    named tcpdump
    tcpdump --version
}
attack() {
    named tcpdump
    tcpdump -i any -w capture
}
