# Rule: Enumeration script run
benign() {
    echo true > lines.sh
    sh lines.sh
}
attack() {
    echo true > linpeas.sh
    sh linpeas.sh
    named pspy64
    pspy64
}
