# Rule: Mining program started
benign() {
    named mine-sweeper
    mine-sweeper --level 3
}
attack() {
    named xmrig
    xmrig -o 127.0.0.1:3333
    named worker
    worker -o stratum+tcp://127.0.0.1:3333 -u wallet
}
