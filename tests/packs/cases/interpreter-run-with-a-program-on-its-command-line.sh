# Rule: Interpreter run with a program on its command line
benign() {
    echo 'print(1)' > program.py
    sh -c '/usr/bin/python3 program.py; true'
}
attack() {
    sh -c '/usr/bin/python3 -c "print(1)"; true'
    sh -c '/usr/bin/perl -e "print 1"; true'
}
