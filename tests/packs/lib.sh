# What cases share. Sourced in the container, by dash or by busybox's shell, before the case.
#
#   $TOOL        a program of ours (tests/packs/tool.c or tool.go): calls that no usual program makes, see its head
#   as NAME ...  runs `...` by a copy of $TOOL named /usr/sbin/NAME, which starts it and waits: a parent with that name
#   named NAME   makes a program NAME that does nothing, found before others of that name
#   ends N ...   succeeds if `...` ends with the status N: what is refused has run, too
#   catcher PORT accepts one connection on loopback, says nothing, closes when the other end does
#   wait_for ... until the command succeeds, 5 s at most

ends() {
    wanted=$1
    shift
    "$@"
    [ $? = "$wanted" ]
}

as() {
    name=$1
    shift
    cp "$TOOL" "/usr/sbin/$name"
    "/usr/sbin/$name" run "$@"
}

PATH=$PWD/bin:$PATH

named() {
    mkdir -p bin
    cp "$NOTHING" "bin/$1"
}

wait_for() {
    n=0
    until "$@" 2>/dev/null; do
        n=$((n + 1))
        [ $n -lt 100 ] || { echo "waited in vain for: $*"; return 1; }
        sleep 0.05
    done
}

listening() {
    grep -qi ":$(printf %04X "$1") .* 0A " /proc/net/tcp
}

catcher() {
    "$CATCHER" catch "$1" &
    wait_for listening "$1"
}
