# Rule: Undercoat's process attacked
benign() {
    sleep 5 &
    kill -TERM $!
    kill -0 1
}
attack() {
    "$TOOL" kill-agents
}
