# Rule: Encrypted client used as a shell transport
benign() {
    openssl version
    ends 1 openssl s_client -connect 127.0.0.1:1 -showcerts
}
attack() {
    echo id | openssl s_client -quiet -connect 127.0.0.1:1
}
