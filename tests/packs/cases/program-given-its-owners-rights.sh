# Rule: Program given its owner's rights
benign() {
    cp "$NOTHING" program
    chmod 755 program
    mkdir shared
    named setcap
    setcap -r program
}
attack() {
    cp "$NOTHING" program
    chmod u+s program
    named setcap
    setcap cap_net_raw+ep program
}
