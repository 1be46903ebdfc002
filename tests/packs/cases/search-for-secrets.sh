# Rule: Search for secrets
benign() {
    grep -r needle .
    find . -name '*.txt'
    ends 1 grep -c password /etc/hostname
}
attack() {
    find . -name id_rsa
    find . -iname '*.pem'
    grep -rE 'aws_secret_access_key|BEGIN RSA' .
}
