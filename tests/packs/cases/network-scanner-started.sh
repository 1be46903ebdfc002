# Rule: Network scanner started
benign() {
    named nc
    nc -z 127.0.0.1 80
    named map
    map
}
attack() {
    named nmap
    nmap -sS 10.0.0.0/24
    named nc
    nc -zv 127.0.0.1 1-1024
}
