# Rule: Undercoat's files changed
benign() {
    cat /opt/undercoat/rules/undercoat_1_common.yaml
}
attack() {
    mount -t tmpfs none /opt/undercoat/rules
    echo '- list: x' > /opt/undercoat/rules/own.yaml
    rm /opt/undercoat/rules/own.yaml
    umount /opt/undercoat/rules
}
