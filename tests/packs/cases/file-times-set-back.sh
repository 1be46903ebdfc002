# Rule: File times set back
# Only: dynamic: the touch of a static shell is no program, and its call is not captured
benign() {
    touch file
    touch -d yesterday file
}
attack() {
    touch -r /bin/true /usr/bin/env
    touch -d '2020-01-01 00:00:00' /etc/hostname
}
