# Rule: File made unchangeable
benign() {
    chattr +d file
    named chattr
    chattr -i /etc/hostname
}
attack() {
    named chattr
    chattr +i /etc/cron.d/job
    chattr -R +ia /root/.ssh
}
