# Rule: Program deletes its own file
# Also: go
benign() {
    cp "$TOOL" worker
    echo data > file
    ./worker unlink "$PWD/file"
    rm worker
}
attack() {
    cp "$TOOL" worker
    ./worker unlink "$PWD/worker"
}
