# Rule: Processes ended by name
benign() {
    named pkill
    pkill -HUP nginx
    kill -0 $$
}
attack() {
    named pkill
    pkill -9 xmrig
}
