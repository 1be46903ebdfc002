# Rule: Server program started a shell
# Also: go
benign() {
    as nginx /bin/true
    as supervisor-x sh -c true
    as postgres sh -c 'cp /etc/hostname segment'
}
attack() {
    as nginx sh -c 'exit 0'
    as php-fpm8.2 sh -c 'id >/dev/null'
}
