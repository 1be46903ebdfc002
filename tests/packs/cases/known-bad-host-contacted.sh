# Rule: Known bad host contacted
# Only: dynamic: static programs look names up by themselves, which nobody sees
benign() {
    ends 7 curl -s --max-time 1 http://good.example.test:1/
}
attack() {
    curl -s --max-time 1 http://c2.indicator.test:1/
}
