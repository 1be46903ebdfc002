# Rule: Cloud or registry credentials read by hand
benign() {
    mkdir -p ~/.aws
    echo key > ~/.aws/credentials
    named aws
    cp "$TOOL" /usr/bin/aws
    /usr/bin/aws read ~/.aws/credentials
    echo region > ~/.aws/config
    cat ~/.aws/config
}
attack() {
    mkdir -p ~/.aws ~/.docker
    echo key > ~/.aws/credentials
    echo auth > ~/.docker/config.json
    cat ~/.aws/credentials
    /usr/bin/python3 -c 'import os; open(os.path.expanduser("~/.docker/config.json")).read()'
}
