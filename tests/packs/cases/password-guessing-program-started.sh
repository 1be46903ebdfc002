# Rule: Password guessing program started
benign() {
    named hydration
    hydration
}
attack() {
    named hydra
    hydra -l root -P words ssh://127.0.0.1
    named john
    john hashes
}
