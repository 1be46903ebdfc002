# Rule: File made unchangeable
benign() {
    named chattr
    chattr +d file
    chattr -i /etc/hostname
}
attack() {
    named chattr
    chattr +i /etc/cron.d/job
    chattr -R +ia /root/.ssh
}
