#!/bin/sh
# Bring a PostgreSQL cluster with automatic fail-over up on this machine's loopback, or what of it is not running:
# three etcd members, three nodes under Patroni with synchronous replication, and HAProxy in front of the primary.
#
#   deploy/cluster/up.sh FOLDER [BASE_PORT]      the hub connects to 127.0.0.1:BASE_PORT (default 15400)
#   cat FOLDER/url                               the database URL for WAIVERHUB_DATABASE_URL, readable by its owner
#   deploy/cluster/down.sh FOLDER                stop it
#
# Debian packages: patroni python3-etcd etcd-server etcd-client haproxy postgresql. On three machines the same files
# are written by hand with their addresses, one node and one etcd member on each (docs/operations.md).
set -eu

[ $# -ge 1 ] || { echo "usage: up.sh FOLDER [BASE_PORT]" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
folder=$(cd "$1" && pwd)
[ -f "$folder/base_port" ] || echo "${2:-15400}" >"$folder/base_port"
base=$(cat "$folder/base_port")
bin=${POSTGRESQL_BIN:-$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1)}

# PostgreSQL refuses to run as root: then everything runs as its own user.
if [ "$(id -u)" = 0 ]; then
    as="setpriv --reuid=postgres --regid=postgres --init-groups --reset-env"
    owner=postgres
else
    as=env
    owner=$(id -un)
fi

PATH=$PATH:/usr/sbin
haproxy=$(command -v haproxy)

secret() { # a password of this cluster, made once
    [ -f "$folder/$1.password" ] || (umask 077 && openssl rand -hex 24 >"$folder/$1.password")
    cat "$folder/$1.password"
}

running() { [ -f "$folder/$1.pid" ] && kill -0 "$(cat "$folder/$1.pid")" 2>/dev/null; }

start() { # start NAME COMMAND...: in the background, its number in NAME.pid, its words in NAME.log
    name=$1
    shift
    running "$name" && return
    # shellcheck disable=SC2086
    setsid $as "$@" >>"$folder/$name.log" 2>&1 </dev/null &
    echo $! >"$folder/$name.pid"
}

wait_for() { # wait_for SECONDS WHAT COMMAND...
    left=$1 what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        left=$((left - 1))
        [ "$left" -gt 0 ] || { echo "$what did not come up; see $folder/*.log" >&2; exit 1; }
        sleep 1
    done
}

replication=$(secret replication) superuser=$(secret superuser) hub=$(secret hub)
members="" clients=""
for n in 1 2 3; do
    members="$members${members:+,}etcd$n=http://127.0.0.1:$((base + 40 + n))"
    clients="$clients${clients:+,}127.0.0.1:$((base + 30 + n))"
done

for n in 1 2 3; do
    install -d -m 700 -o "$owner" "$folder/etcd$n" "$folder/node$n"
    start "etcd$n" etcd --name "etcd$n" --data-dir "$folder/etcd$n" --log-level warn \
        --listen-client-urls "http://127.0.0.1:$((base + 30 + n))" \
        --advertise-client-urls "http://127.0.0.1:$((base + 30 + n))" \
        --listen-peer-urls "http://127.0.0.1:$((base + 40 + n))" \
        --initial-advertise-peer-urls "http://127.0.0.1:$((base + 40 + n))" \
        --initial-cluster "$members" --initial-cluster-token "waiverhub-$base"
done
export ETCDCTL_API=3
wait_for 60 etcd etcdctl --endpoints "$clients" endpoint health

for n in 1 2 3; do
    sed -e "s|@n@|$n|g" -e "s|@folder@|$folder|g" -e "s|@bin@|$bin|g" -e "s|@etcd@|$clients|g" \
        -e "s|@port@|$((base + 10 + n))|g" -e "s|@rest@|$((base + 20 + n))|g" \
        -e "s|@replication@|$replication|g" -e "s|@superuser@|$superuser|g" "$here/patroni.yml" \
        | install -m 600 -o "$owner" /dev/stdin "$folder/node$n.yml"
    start "patroni$n" patroni "$folder/node$n.yml"
done
sed -e "s|@port@|$base|g" -e "s|@node1@|127.0.0.1:$((base + 11)) check port $((base + 21))|" \
    -e "s|@node2@|127.0.0.1:$((base + 12)) check port $((base + 22))|" \
    -e "s|@node3@|127.0.0.1:$((base + 13)) check port $((base + 23))|" "$here/haproxy.cfg" \
    | install -m 600 -o "$owner" /dev/stdin "$folder/haproxy.cfg"
start haproxy "$haproxy" -db -f "$folder/haproxy.cfg"

asked() { # a statement, asked of the primary
    PGPASSWORD=$superuser psql -X -q -A -t -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$base" -U postgres -d postgres -c "$1"
}
wait_for 90 "the primary" asked "SELECT 1"
wait_for 90 "a synchronous standby" \
    sh -c "curl -s http://127.0.0.1:$((base + 21))/cluster | grep -q '\"role\": \"sync_standby\"'"
if [ -z "$(asked "SELECT 1 FROM pg_roles WHERE rolname = 'waiverhub'")" ]; then
    asked "CREATE ROLE waiverhub LOGIN CREATEDB PASSWORD '$hub'"
    asked "CREATE DATABASE waiverhub OWNER waiverhub TEMPLATE template0 ENCODING UTF8 LOCALE 'C.UTF-8'"
fi
(umask 077 && echo "postgresql://waiverhub:$hub@127.0.0.1:$base/waiverhub" >"$folder/url")
echo "up: 127.0.0.1:$base; the URL is in $folder/url"
