# Rule: Instance metadata asked by a tool
benign() {
    "$TOOL" connect 169.254.169.254 4112
    ends 7 curl -s --max-time 1 http://127.0.0.1:1/latest/meta-data/
}
attack() {
    curl -s --max-time 1 http://169.254.169.254/latest/meta-data/iam/
    wget -q -O - -T 1 http://169.254.169.254/metadata/instance
}
