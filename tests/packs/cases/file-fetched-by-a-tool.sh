# Rule: File fetched by a tool
benign() {
    sh -c 'curl -s --max-time 1 http://localhost:1/health; true'
}
attack() {
    sh -c 'curl -s --max-time 1 http://good.example.test:1/x; true'
}
