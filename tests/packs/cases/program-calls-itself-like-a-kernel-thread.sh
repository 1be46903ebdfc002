# Rule: Program calls itself like a kernel thread
benign() {
    named worker
    worker
}
attack() {
    /bin/bash -c 'exec -a "[kworker/0:1]" /bin/true'
    named kworkerds
    kworkerds
    named kdevtmpfsi
    kdevtmpfsi
}
