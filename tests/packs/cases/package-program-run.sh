# Rule: Package program run
benign() {
    named apt-get
    apt-get --version
    named pip3
    pip3 list
    named dpkg
    dpkg -S /bin/ls
    dpkg -l
}
attack() {
    named apt-get
    apt-get install -y nmap
    named pip3
    pip3 install requests
    named dpkg
    dpkg -i package.deb
}
