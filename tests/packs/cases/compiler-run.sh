# Rule: Compiler run
benign() {
    named gccmakedep
    gccmakedep
}
attack() {
    named gcc
    gcc -o x x.c
}
