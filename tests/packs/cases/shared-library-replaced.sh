# Rule: Shared library replaced
# Also: go
benign() {
    "$TOOL" read /lib/x86_64-linux-gnu/libc.so.6
    mkdir -p /usr/lib/python3/dist-packages/x
    "$TOOL" write /usr/lib/python3/dist-packages/x/module.so
}
attack() {
    "$TOOL" write /usr/lib/x86_64-linux-gnu/libplanted.so
    echo x > lib
    mv lib /usr/lib/libplanted.so.1
}
