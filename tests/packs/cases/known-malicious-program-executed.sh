# Rule: Known malicious program executed
# Also: go
benign() {
    "$NOTHING"
}
attack() {
    cp "$NOTHING" program
    printf 'bad' >> program
    ./program
}
