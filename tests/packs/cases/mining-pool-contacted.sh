# Rule: Mining pool contacted
benign() {
    ends 7 curl -s --max-time 1 http://good.example.test:1/
}
attack() {
    curl -s --max-time 1 http://pool.supportxmr.com:1/
    named worker
    worker -o gulf.moneroocean.stream:10128
}
