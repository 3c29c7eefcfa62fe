#!/bin/sh
# Stop the cluster that up.sh brought up in FOLDER; its data stay. With --remove the folder goes, too.
set -eu

[ $# -ge 1 ] || { echo "usage: down.sh FOLDER [--remove]" >&2; exit 2; }
folder=$(cd "$1" && pwd)
[ -f "$folder/base_port" ] || { echo "$folder is no folder of up.sh" >&2; exit 2; }

stop() { # ask a process to end by its number; after 20 s it is ended
    [ -f "$folder/$1.pid" ] || return 0
    pid=$(cat "$folder/$1.pid")
    kill "$pid" 2>/dev/null || true
    left=100
    while kill -0 "$pid" 2>/dev/null && [ "$left" -gt 0 ]; do
        sleep 0.2
        left=$((left - 1))
    done
    kill -9 "$pid" 2>/dev/null || true
    rm -f "$folder/$1.pid"
}

stop haproxy
for n in 1 2 3; do stop "patroni$n"; done
for n in 1 2 3; do # a node whose Patroni was killed may have left its PostgreSQL behind
    file="$folder/node$n/data/postmaster.pid"
    [ -f "$file" ] || continue
    head -1 "$file" >"$folder/postgresql$n.pid"
    kill -QUIT "$(cat "$folder/postgresql$n.pid")" 2>/dev/null || true
    stop "postgresql$n"
done
for n in 1 2 3; do stop "etcd$n"; done
[ "${2:-}" != --remove ] || rm -rf "$folder"
echo "down: $folder"
