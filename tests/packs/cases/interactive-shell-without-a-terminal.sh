# Rule: Interactive shell without a terminal
benign() {
    echo 'exit 0' | sh
    sh -c 'echo -i'
    script -qec 'sh -i -c true' /dev/null
}
attack() {
    (sleep 0.2; echo exit) | sh -i >/dev/null 2>&1
}
