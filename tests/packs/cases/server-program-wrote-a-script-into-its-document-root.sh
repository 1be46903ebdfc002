# Rule: Server program wrote a script into its document root
# Also: go
benign() {
    mkdir -p /var/www/html /var/log/nginx
    "$TOOL" write /var/www/html/deployed.php
    cp "$TOOL" /usr/sbin/nginx
    /usr/sbin/nginx write /var/www/html/picture.png
}
attack() {
    mkdir -p /var/www/html/uploads
    cp "$TOOL" /usr/sbin/nginx
    /usr/sbin/nginx write /var/www/html/uploads/x.php
}
