#!/bin/sh
# Compiles a Java program and runs it, with each collector of garbage. usage: java_program.sh SOURCE
set -u
say() { printf '%s\t%s\n' "$1" "$2" >> "$TRANSPARENCY_RESULTS"; }
mkdir classes
javac -d classes "$1"
say compile "status $? $(find classes -name '*.class' | wc -l)"
for gc in Serial G1; do
    timeout 100 java -XX:+Use${gc}GC -Djava.io.tmpdir="$PWD" -cp classes Program > out 2> err
    status=$?
    sed "s/^/$gc /" out >> "$TRANSPARENCY_RESULTS"
    say "$gc end" "status $status"
    cat err >&2
done
jshell -v >/dev/null 2>&1 < /dev/null; say jshell "status $?"
jar cf classes.jar -C classes . && java -cp classes.jar -Xshare:off -version 2>/dev/null; say jar "status $?"
