# Rule: Terminal opened
benign() {
    bash -c true
    script -qec 'bash -c true' /dev/null
}
attack() {
    echo exit | script -qec /bin/bash /dev/null
}
