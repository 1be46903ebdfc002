# Rule: Write below binary dir
# Also: go
benign() {
    cp "$TOOL" dpkg
    ./dpkg write /usr/bin/packaged
    "$TOOL" read /usr/bin/env
}
attack() {
    "$TOOL" write /usr/bin/planted
    echo x > file
    mv file /usr/local/bin/planted
}
