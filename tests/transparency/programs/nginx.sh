#!/bin/sh
# nginx with its workers under another user, wrk and ab against it: no errors, whole answers; reload and graceful end.
set -u
say() { printf '%s\t%s\n' "$1" "$2" >> "$TRANSPARENCY_RESULTS"; }
chmod 755 .
mkdir -p www logs tmp && head -c 300000 /dev/zero | tr '\0' x > www/big && echo small > www/small
sum=$(md5sum < www/big)
cat > nginx.conf <<C
user www-data;
worker_processes 2;
daemon off;
pid $PWD/nginx.pid;
error_log $PWD/logs/error.log;
events { worker_connections 256; }
http {
  access_log $PWD/logs/access.log;
  client_body_temp_path $PWD/tmp/body; proxy_temp_path $PWD/tmp/proxy; fastcgi_temp_path $PWD/tmp/f; uwsgi_temp_path $PWD/tmp/u; scgi_temp_path $PWD/tmp/s;
  server { listen 127.0.0.1:8099 reuseport; root $PWD/www; location /proxy/ { proxy_pass http://127.0.0.1:8099/; } }
}
C
nginx -c "$PWD/nginx.conf" -t >/dev/null 2>&1
say configuration "status $?"
nginx -c "$PWD/nginx.conf" >/dev/null 2>&1 &
server=$!
n=0
until curl -sf http://127.0.0.1:8099/small >/dev/null; do n=$((n + 1)); [ $n -lt 200 ] || { say start "no answer"; exit 1; }; sleep 0.05; done
say start ok
for path in small big proxy/small proxy/big; do
    say "whole $path" "$( [ "$(curl -s http://127.0.0.1:8099/$path | md5sum)" = "$( [ ${path#*big} = "$path" ] && echo small | md5sum || echo "$sum")" ] && echo yes || echo no)"
done
for path in small big missing; do
    wrk -t2 -c20 -d2 http://127.0.0.1:8099/$path > wrk.out 2>&1
    say "wrk $path" "status $? socket errors $(grep -c 'Socket errors' wrk.out) other answers $(grep -c 'Non-2xx' wrk.out)"
done
ab -q -n 1500 -c 10 http://127.0.0.1:8099/proxy/small > ab.out 2>&1
say "ab without keep-alive" "status $? $(grep -E '^(Complete|Failed) requests' ab.out | tr -s ' ' | tr '\n' ' ')"
ab -q -k -n 3000 -c 10 http://127.0.0.1:8099/small > ab.out 2>&1
say "ab with keep-alive" "status $? $(grep -E '^(Complete|Failed) requests' ab.out | tr -s ' ' | tr '\n' ' ')"
mv logs/access.log logs/old.log; kill -USR1 $server
n=0
until curl -sf http://127.0.0.1:8099/small >/dev/null && [ -s logs/access.log ]; do n=$((n + 1)); [ $n -lt 200 ] || break; sleep 0.05; done
say "log reopened" "$([ -s logs/access.log ] && echo yes)"
kill -HUP $server
sleep 0.5
curl -sf http://127.0.0.1:8099/small > answer
say reload "status $? $(cat answer)"
kill -QUIT $server
wait $server
say end "status $? errors $(grep -cE '\[(error|crit|alert|emerg)\]' logs/error.log)"
grep -E '\[(error|crit|alert|emerg)\]' logs/error.log | grep -v missing | head -20 >&2
