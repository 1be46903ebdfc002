# Rule: Log file cut or removed
benign() {
    echo line >> /var/log/app.log
    cat /var/log/app.log
}
attack() {
    mkdir -p /var/log/app
    echo line > /var/log/app/auth.log
    : > /var/log/app/auth.log
    rm /var/log/app/auth.log
}
