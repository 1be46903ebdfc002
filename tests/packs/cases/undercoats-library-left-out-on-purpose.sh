# Rule: Undercoat's library left out on purpose
benign() {
    env A=1 true
    sh -c 'unset A; true'
}
attack() {
    env -u LD_PRELOAD true
    sh -c 'unset LD_PRELOAD; true'
}
