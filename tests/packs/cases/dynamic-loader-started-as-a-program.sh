# Rule: Dynamic loader started as a program
benign() {
    /lib64/ld-linux-x86-64.so.2 --list /bin/true
    ldd /bin/true
}
attack() {
    cp /bin/true text
    chmod -x text
    /lib64/ld-linux-x86-64.so.2 ./text
}
