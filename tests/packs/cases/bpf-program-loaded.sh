# Rule: BPF program loaded
benign() {
    "$TOOL" bpf-map
}
attack() {
    "$TOOL" bpf-program
}
