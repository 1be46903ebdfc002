# Rule: Task credentials asked by a tool
benign() {
    "$TOOL" connect 169.254.170.2 4113
    ends 7 curl -s --max-time 1 http://169.254.170.3/
}
attack() {
    curl -s --max-time 1 http://169.254.170.2/v2/credentials/x
    /usr/bin/python3 -c 'import urllib.request; urllib.request.urlopen("http://169.254.170.2/v2/credentials", timeout=1)'
}
