# Rule: Program run from shared memory
benign() {
    echo data > /dev/shm/data
    cat /dev/shm/data
}
attack() {
    cp "$NOTHING" /dev/shm/tool
    /dev/shm/tool
    printf '#!/bin/sh\ntrue\n' > /dev/shm/script
    sh /dev/shm/script
}
