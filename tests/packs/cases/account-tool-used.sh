# Rule: Account tool used
benign() {
    named passwd
    bin/passwd -S
}
attack() {
    named useradd
    useradd -o -u 0 guest
    named chpasswd
    echo guest:x | chpasswd -e
}
