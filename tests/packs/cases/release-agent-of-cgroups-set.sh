# Rule: Release agent of cgroups set
# Also: go
benign() {
    "$TOOL" write agent
    echo text > release_agent.txt
    ends 1 cat release_agent
}
attack() {
    "$TOOL" write release_agent
    echo 1 > notify_on_release
}
