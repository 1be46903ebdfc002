# Rule: Scheduled job added
# Also: go
benign() {
    cat /etc/crontab
    named crontab
    crontab -l
    mkdir -p /etc/cron.d
    ends 1 "$TOOL" read /etc/cron.d/none
}
attack() {
    mkdir -p /etc/cron.d /var/spool/cron/crontabs
    "$TOOL" write /etc/cron.d/job
    echo '* * * * * root true' > /var/spool/cron/crontabs/root
    named crontab
    echo '* * * * * true' | crontab -
}
