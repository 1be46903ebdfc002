# Rule: Program run from a hidden place
benign() {
    mkdir -p /srv/app/.venv/bin
    cp "$NOTHING" /srv/app/.venv/bin/tool
    /srv/app/.venv/bin/tool
}
attack() {
    mkdir -p /usr/share/.x
    cp "$NOTHING" /usr/share/.x/tool
    /usr/share/.x/tool
    cp "$NOTHING" /usr/share/.agent
    /usr/share/.agent
}
