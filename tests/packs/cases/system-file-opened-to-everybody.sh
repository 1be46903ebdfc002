# Rule: System file opened to everybody
benign() {
    echo x > file
    chmod 666 file
    chmod 644 /etc/hostname
}
attack() {
    echo x > /etc/extra
    chmod 666 /etc/extra
    chmod 777 /usr/share/doc
}
