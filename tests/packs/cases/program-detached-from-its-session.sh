# Rule: Program detached from its session
benign() {
    sh -c 'true & wait'
}
attack() {
    nohup /bin/true
    setsid /bin/true
}
