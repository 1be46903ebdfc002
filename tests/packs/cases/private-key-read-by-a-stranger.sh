# Rule: Private key read by a stranger
benign() {
    mkdir -p ~/.ssh
    echo key > ~/.ssh/id_pack
    echo key > ~/.ssh/id_pack.pub
    cat ~/.ssh/id_pack.pub
    cp "$TOOL" /usr/bin/sshx
    /usr/bin/sshx read ~/.ssh/id_pack
}
attack() {
    mkdir -p ~/.ssh
    echo key > ~/.ssh/id_pack
    cat ~/.ssh/id_pack
}
