# Rule: Account file written by hand
# Also: go
benign() {
    "$TOOL" read /etc/passwd
    cp "$TOOL" /usr/sbin/useradd
    cp /etc/passwd saved
    /usr/sbin/useradd append /etc/group ''
}
attack() {
    "$TOOL" append /etc/passwd ''
    cp /etc/passwd copy
    mv copy /etc/passwd
}
