#!/bin/sh
# A PostgreSQL server of its own. usage: postgres.sh bench | postgres.sh regress TREE
# bench: pgbench, its balances must agree, also after a crash and a fast stop. regress: the tests of its source.
set -u
say() { printf '%s\t%s\n' "$1" "$2" >> "$TRANSPARENCY_RESULTS"; }
bin=/usr/lib/postgresql/15/bin
export PGHOST="$PWD" PGUSER=postgres PGDATABASE=postgres LC_ALL=C.UTF-8 PGTZ=UTC
$bin/initdb -D data -U postgres --no-sync -A trust >log.init 2>&1
say initdb "status $?"
start() { $bin/pg_ctl -D data -w -t 60 -l log -o "-c listen_addresses='' -k $PWD -c fsync=off -c max_connections=60" start >/dev/null 2>&1; }
start
say start "status $?"
sums() { psql -Atc "select (select sum(abalance) from pgbench_accounts)=(select sum(delta) from pgbench_history)
    and (select sum(bbalance) from pgbench_branches)=(select sum(tbalance) from pgbench_tellers), (select count(*) from pgbench_accounts)"; }
case $1 in
bench)
    $bin/pgbench -i -q -s 2 >/dev/null 2>&1
    say fill "status $?"
    for how in simple extended prepared; do
        $bin/pgbench -n -c 8 -j 2 -t 150 -M $how >bench.out 2>&1
        say "bench $how" "status $? $(grep -E 'number of (transactions actually|failed)' bench.out | sed 's/.*: //' | tr '\n' ' ') $(sums)"
    done
    $bin/pgbench -n -C -c 4 -j 2 -t 25 -S >bench.out 2>&1
    say "a connection each" "status $? $(grep 'transactions actually' bench.out | sed 's/.*: //')"
    # A backend that dies makes the server begin again, and nothing is lost.
    psql -Atc 'select pg_backend_pid(), pg_sleep(30)' >/dev/null 2>&1 &
    client=$!
    n=0
    until backend=$(psql -Atc "select pid from pg_stat_activity where query like '%pg_sleep(30)%' and pid<>pg_backend_pid()") && [ -n "$backend" ]; do
        n=$((n + 1)); [ $n -lt 200 ] || break; sleep 0.05; done
    kill -9 "$backend"
    wait $client
    say "a backend killed" "status $?"
    n=0
    until psql -Atc 'select 1' >/dev/null 2>&1; do n=$((n + 1)); [ $n -lt 200 ] || break; sleep 0.05; done
    say "after recovery" "$(sums)" ;;
regress)
    cp -r "$2/src/test/regress" regress && cd regress
    # Results of two tests depend on the machine's collations.
    /usr/lib/postgresql/15/lib/pgxs/src/test/regress/pg_regress --inputdir=. --bindir=$bin --dlpath=/usr/lib/postgresql/15/lib \
        --host="$PGHOST" --user=postgres --max-concurrent-tests=20 --schedule=./parallel_schedule > regress.out 2>&1
    sed -nE 's/^(test)? *([a-z_0-9.]+) +\.\.\. (ok|FAILED|failed).*/\2\t\3/p' regress.out >> "$TRANSPARENCY_RESULTS"
    cd .. ;;
esac
$bin/pg_ctl -D data -w -m fast stop >/dev/null 2>&1
say stop "status $?"
