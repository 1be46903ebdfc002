# Rule: Start-up hook of an interpreter written
# Also: go
benign() {
    mkdir -p /srv/app
    "$TOOL" write /srv/app/site.py
    cp "$TOOL" /usr/bin/pip3
    mkdir -p /usr/lib/python3/dist-packages
    /usr/bin/pip3 write /usr/lib/python3/dist-packages/installed.pth
}
attack() {
    mkdir -p /usr/lib/python3/dist-packages
    "$TOOL" write /usr/lib/python3/dist-packages/extra.pth
    "$TOOL" write /srv/sitecustomize.py
}
