# Rule: Client of a cluster or runtime started
benign() {
    named kubectl
    kubectl version
}
attack() {
    named kubectl
    kubectl get pods
    named docker
    docker run alpine
}
