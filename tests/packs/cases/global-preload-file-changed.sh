# Rule: Global preload file changed
# Also: go
benign() {
    "$TOOL" write /etc/ld.so.conf.d/x.conf
    cat /etc/ld.so.preload || [ ! -e /etc/ld.so.preload ]
}
attack() {
    "$TOOL" write /etc/ld.so.preload
    : > /etc/ld.so.preload
    : > list
    mv list /etc/ld.so.preload
    rm /etc/ld.so.preload
}
