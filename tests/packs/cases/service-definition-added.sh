# Rule: Service definition added
# Also: go
benign() {
    mkdir -p /etc/systemd/system
    "$TOOL" write unit.service
    cp "$TOOL" /usr/bin/systemctl
    /usr/bin/systemctl write /etc/systemd/system/enabled.service
}
attack() {
    mkdir -p /etc/systemd/system /etc/init.d
    "$TOOL" write /etc/systemd/system/extra.service
    echo x > script
    mv script /etc/init.d/extra
}
