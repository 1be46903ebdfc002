# Rule: Directory with a misleading name made
benign() {
    mkdir .cache
    mkdir -p /tmp/.ICE-unix
    mkdir -p dir...
}
attack() {
    mkdir '...'
    mkdir '.. '
    mkdir /dev/shm/.x
    echo x > /dev/.hidden
}
