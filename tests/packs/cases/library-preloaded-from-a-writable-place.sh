# Rule: Library preloaded from a writable place
# Only: dynamic: static programs load nothing
benign() {
    LD_PRELOAD=/usr/lib/x86_64-linux-gnu/libdl.so.2 /bin/true
}
attack() {
    cp /lib/x86_64-linux-gnu/libdl.so.2 /tmp/lib.so
    LD_PRELOAD=/tmp/lib.so /bin/true
}
