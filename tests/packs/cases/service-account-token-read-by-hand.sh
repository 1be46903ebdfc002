# Rule: Service account token read by hand
benign() {
    mkdir -p /var/run/secrets/kubernetes.io/serviceaccount
    echo secret > /var/run/secrets/kubernetes.io/serviceaccount/token
    echo cert > /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
    "$TOOL" read /var/run/secrets/kubernetes.io/serviceaccount/token
    cat /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
}
attack() {
    mkdir -p /var/run/secrets/kubernetes.io/serviceaccount
    echo secret > /var/run/secrets/kubernetes.io/serviceaccount/token
    cat /var/run/secrets/kubernetes.io/serviceaccount/token
}
