#!/bin/bash
# 500 MB over the tupkg protocol on the loopback address, side by side: curl's PUT to a
# plain Go server, and sync of what that has received; mmpush push to mmpush serve, which
# has hashed, verified and published it when it ends: version 2, version 2 over TLS, and
# version 1.
#
#   testdata/bench/tupkg.sh [RUNS]                       (default: 9)
#   HISTORICAL_SERVER='python2 /path/to/server' HISTORICAL_CLIENT='python2 /path/to/client' \
#       testdata/bench/tupkg.sh
#
# The table has the least and the median time, their ratios to curl's, the least processor
# time of both sides, and the peak memory of the client. The historical programs, if both
# are named, are run as they are named: the server once, in an empty folder of its own; the
# client for each run with the package as one more word. That they are set up for each
# other is up to who names them.
set -euo pipefail
cd "$(dirname "$0")/../.."
runs=${1:-9}
tmp=$(mktemp -d "${BENCH_DIR:-/tmp}/bench.XXXXXX")
servers=()
finish() {
    [ ${#servers[@]} = 0 ] || kill "${servers[@]}" 2>/dev/null || true
    rm -rf "$tmp"
}
trap finish EXIT
. testdata/bench/beside.sh
# As a release has it.
CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$tmp/mmpush" ./cmd/mmpush
go build -trimpath -o "$tmp/make" ./testdata/bench/make
"$tmp/make" large "$tmp/out" 500
manifest=("$tmp"/out/*.mmpack-manifest)
package=("$tmp"/out/*.mpk)
port=$((20000 + RANDOM % 20000))
plain=127.0.0.1:$port clear=127.0.0.1:$((port + 1)) tls=127.0.0.1:$((port + 2))
mkdir "$tmp/home"
export HOME=$tmp/home XDG_CONFIG_HOME=$tmp/home XDG_STATE_HOME=$tmp/home XDG_CACHE_HOME=$tmp/home
"$tmp/mmpush" user add bench --users "$tmp/users" --no-password --rights '*:*:publish' >/dev/null
"$tmp/mmpush" user token bench --users "$tmp/users" --label bench >"$tmp/token"
chmod 600 "$tmp/token"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=bench -addext subjectAltName=IP:127.0.0.1 \
    -keyout "$tmp/key.pem" -out "$tmp/cert.pem" 2>/dev/null

listening() { # listening ADDRESS
    until (exec 3<>"/dev/tcp/${1%:*}/${1#*:}") 2>/dev/null; do sleep 0.05; done
}

started() { # started COMMAND...: a server in the background; its process id is in $server
    "$@" >"$tmp/served" 2>&1 &
    server=$!
    servers+=("$server")
}

stopped() { # stopped: and what it took at most, if it is one of ours
    awk '/^VmHWM/ { print $2 }' "/proc/$server/status" >>"$tmp/memory-$1"
    kill "$server"
    wait "$server" 2>/dev/null || true
    servers=()
}

by_curl() {
    started "$tmp/make" put "$plain" "$tmp/received"
    listening "$plain"
    run curl "$server" bash -c "curl -sSf -T '${package[0]}' 'http://$plain/large' && sync '$tmp/received' '$tmp'"
    stopped curl
    rm "$tmp/received"
}

by_push() { # by_push NAME ADDRESS TARGET SERVE-FLAGS...
    local name=$1 address=$2 target=$3
    shift 3
    "$tmp/mmpush" init "$tmp/repo" --arch amd64-debian >/dev/null 2>&1
    started "$tmp/mmpush" serve -R "$tmp/repo" --users "$tmp/users" --listen "$address" "$@"
    listening "$address"
    # A server of version 1 cannot say that it has published: exit code 8.
    run "$name" "$server" bash -c '"$@" || [ $? = 8 ]' - "$tmp/mmpush" push "${manifest[0]}" --password-file "$tmp/token" --to "$target"
    stopped "$name"
    rm -r "$tmp/repo"
}

by_historical() {
    local client
    read -ra client <<<"$HISTORICAL_CLIENT"
    mkdir "$tmp/historical"
    (cd "$tmp/historical" && exec $HISTORICAL_SERVER) >"$tmp/served" 2>&1 &
    servers+=("$!")
    sleep 2
    for _ in $(seq "$runs"); do
        run historical "${servers[-1]}" "${client[@]}" "${package[0]}"
        rm -rf "$tmp/historical"/*
    done
}

for _ in $(seq "$runs"); do
    by_curl
    by_push v2 "$clear" "tupkg://bench@$clear"
    by_push tls "$tls" "tupkgs://bench@$tls?ca=$tmp/cert.pem" --tls-cert "$tmp/cert.pem" --tls-key "$tmp/key.pem"
    by_push v1 "$clear" "tupkg://bench@$clear?v=1"
done
[ -z "${HISTORICAL_SERVER:-}" ] || [ -z "${HISTORICAL_CLIENT:-}" ] || by_historical
heading
row curl curl 'curl PUT + sync'
row v2 curl 'tupkg, published'
row tls curl 'tupkgs, published'
row v1 curl 'version 1, published'
row historical curl 'historical'
printf 'mmpush serve: peak %s KB\n' "$(sort -n "$tmp"/memory-v2 "$tmp"/memory-tls "$tmp"/memory-v1 | most)"
