# Rule: Server program started a tool of intruders
benign() {
    as nginx /bin/true
    as nginx sh -c 'curl -s http://127.0.0.1:1/health; true'
    sh -c 'id >/dev/null'
}
attack() {
    as apache2 sh -c 'id; uname -a; whoami'
    as redis-server sh -c 'curl -s http://192.0.2.1:1/x --max-time 0.1; true'
}
