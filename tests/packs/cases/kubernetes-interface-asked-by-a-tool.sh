# Rule: Kubernetes interface asked by a tool
benign() {
    ends 7 curl -s --max-time 1 http://127.0.0.1:1/api/v1/orders
}
attack() {
    curl -sk --max-time 1 https://127.0.0.1:1/api/v1/namespaces/default/secrets
    curl -sk --max-time 1 https://kubernetes.default.svc/
}
