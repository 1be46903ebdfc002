#!/bin/sh
# A redis server under redis-benchmark, over TCP and a unix socket; what it stores is then read back. Forks for its dump.
set -u
say() { printf '%s\t%s\n' "$1" "$2" >> "$TRANSPARENCY_RESULTS"; }
redis-server --port 6399 --unixsocket ./redis.sock --dir . --save '' --daemonize no --logfile ./log >/dev/null 2>&1 &
server=$!
cli() { redis-cli -s ./redis.sock "$@"; }
n=0
until [ "$(cli ping 2>/dev/null)" = PONG ]; do n=$((n + 1)); [ $n -lt 200 ] || { say start "no answer"; exit 1; }; sleep 0.05; done
say start ok
for way in "-p 6399" "-s ./redis.sock"; do
    for test in set get incr lpush rpush lpop sadd hset zadd mset; do
        # shellcheck disable=SC2086
        redis-benchmark $way -n 3000 -c 20 -t $test --csv >bench.csv 2>bench.err
        say "benchmark $way $test" "status $? lines $(grep -ic "^\"$test" bench.csv) errors $(grep -ci error bench.err)"
    done
    # A connection each request.
    # shellcheck disable=SC2086
    redis-benchmark $way -k 0 -n 500 -c 10 -t ping_inline --csv >bench.csv 2>bench.err
    say "connections $way" "status $? errors $(grep -ci error bench.err)"
done
cli flushall >/dev/null
seq 1 5000 | sed 's/.*/SET key:& value:&/' | cli >/dev/null
say "stored" "$(cli dbsize)"
cli eval "local s=0 for i=1,5000 do if redis.call('get','key:'..i)=='value:'..i then s=s+1 end end return s" 0 > read
say "read back" "$(cat read)"
cli bgsave >/dev/null
n=0
while [ "$(cli info persistence | tr -d '\r' | sed -n 's/^rdb_bgsave_in_progress://p')" = 1 ] && [ $n -lt 200 ]; do n=$((n + 1)); sleep 0.05; done
say "dump" "$(cli info persistence | tr -d '\r' | sed -n 's/^rdb_last_bgsave_status://p') $(redis-check-rdb dump.rdb 2>/dev/null | sed -n 's/.*\] \([0-9]* keys read\)/\1/p')"
cli shutdown nosave >/dev/null 2>&1
wait $server
say "end" "status $?"
