# Rule: Programs with rights of their owner searched
benign() {
    find . -perm 644
    find . -perm -u=w
}
attack() {
    find . -perm -4000
    find . -perm -u=s -type f
    named getcap
    getcap -r /usr
}
