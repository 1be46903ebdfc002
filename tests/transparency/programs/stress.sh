#!/bin/sh
# Runs stressors of stress-ng one by one, each for some seconds at most and with its own checks. usage: stress.sh CLASS | stress.sh STRESSOR...
# Each runs with one worker and few operations; those that load or change a machine rather than test it are left out.
set -u
skip=" bind-mount binderfs fanotify icmp-flood rawpkt rawsock rawudp ping-sock netdev dccp procfs iomix hdd tun "
if [ $# = 1 ]; then wanted=$(stress-ng --class "$1?" 2>&1 | sed -n "s/^class '[a-z-]*' stressors: //p"); else wanted="$*"; fi
for s in $wanted; do
    case "$skip" in *" $s "*) continue ;; esac
    printf '%s\tbegun\n' "$s" >> "$TRANSPARENCY_RESULTS"
    timeout -k 2 60 stress-ng --"$s" 1 --"$s"-ops 30 --verify --timeout 4 --temp-path . --log-brief > one 2>&1
    status=$?
    printf '%s\tstatus %s\n' "$s" $status >> "$TRANSPARENCY_RESULTS"
    [ $status = 0 ] || { echo "== $s $status"; tail -12 one; }
done
