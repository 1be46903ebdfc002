# Rule: Shell history removed or switched off
benign() {
    echo command >> ~/.bash_history
    cat ~/.bash_history
    echo text > history
}
attack() {
    echo command > ~/.bash_history
    rm ~/.bash_history
    ln -s /dev/null ~/.bash_history
    rm ~/.bash_history
    HISTFILE=/dev/null sh -c true
}
