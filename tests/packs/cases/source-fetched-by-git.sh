# Rule: Source fetched by git
benign() {
    named git
    git status
}
attack() {
    named git
    git clone https://git.example.test/x.git
    git -c http.sslVerify=false clone https://git.example.test/x.git
}
