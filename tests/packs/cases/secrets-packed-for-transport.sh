# Rule: Secrets packed for transport
benign() {
    echo x > data
    tar cf data.tar data
}
attack() {
    mkdir -p ~/.ssh
    tar cf all.tar -C / root/.ssh etc/hostname
    tar cf passwords.tar /etc/passwd
}
