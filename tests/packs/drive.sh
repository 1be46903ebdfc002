#!/bin/sh
# Runs in the container: plays each case's benign part and then its attack, each in an empty directory with UC_CASE=SLUG.PART in its
# environment, by which the alerts are told apart. usage: drive.sh CASE.sh...
#
# Must stay true: a part ends within 10 s; what it leaves running ends by itself within 5 s, or with the container; nothing that it
# prints is taken for ours.
for file; do
    slug=${file##*/}
    slug=${slug%.sh}
    for part in benign attack; do
        dir=/scratch/$slug.$part
        mkdir -p "$dir"
        ( cd "$dir" && UC_CASE=$slug.$part exec timeout -k 1 10 "$UC_SHELL" -c '. /packs/lib.sh; . "$1"; '"$part" part "$file" ) \
            >"/out/$slug.$part.log" </dev/null 2>&1
        status=$?
        read -r now rest </proc/uptime
        echo "$slug.$part $status $now"
    done
done
