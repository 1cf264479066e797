#!/bin/bash
# Many small uploads at once, each published: P4.
#
#   testdata/bench/flood.sh [UPLOADS [CONNECTIONS]]             (default: 1000 100)
#   REFERENCE=/path/to/mmpack-modifyrepo testdata/bench/flood.sh
#   HISTORICAL=/path/to/program testdata/bench/flood.sh
#
# One server process, and so many connections with one login and their share of the
# uploads each, by version 2 of the protocol. Beside it what needs no server: mmpush push,
# one process after the other; with REFERENCE, that program's add, in the same way; with
# HISTORICAL, a program that is called as HISTORICAL REPOSITORY UPLOAD-FOLDER for each
# upload, such as a script around an older client. The others do SAMPLE uploads (100), and
# their time is counted up. The floor is the sync of one commit for each write of the index
# that there was.
set -euo pipefail
cd "$(dirname "$0")/../.."
uploads=${1:-1000} connections=${2:-100} sample=${SAMPLE:-100}
[ "$sample" -le "$uploads" ] || sample=$uploads
tmp=$(mktemp -d "${BENCH_DIR:-.}/.bench.XXXXXX")
tmp=$(cd "$tmp" && pwd)
pid=
finish() {
    [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
    rm -rf "$tmp"
}
trap finish EXIT
# As a release has it.
CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$tmp/mmpush" ./cmd/mmpush
go build -trimpath -o "$tmp/make" ./testdata/bench/make
go build -trimpath -o "$tmp/flood" ./testdata/bench/flood
"$tmp/make" sources "$tmp/uploads" "$uploads"
export MMPUSH_PASSWORD=a-long-password-of-the-benchmark
now() { date +%s%N; }
new() { rm -rf "$1"; "$tmp/mmpush" init "$1" --arch amd64-debian >/dev/null 2>&1; }
row() { # row NAME NS NOTE: a line of the table, beside the server's time
    awk -v name="$1" -v ns="$2" -v ours="$ours" -v note="$3" \
        'BEGIN { printf "%-46s %10.2f s %8.1f x  %s\n", name, ns / 1e9, ns / ours, note }'
}
counted() { # counted COMMAND...: its time for the sample of uploads, counted up to all
    local from i; from=$(now)
    for i in $(seq "$sample"); do "$@" "$tmp/uploads/$i" >"$tmp/out" 2>&1 || { cat "$tmp/out" >&2; return 1; }; done
    echo $((($(now) - from) * uploads / sample))
}
push() { "$tmp/mmpush" push "$2"/*.mmpack-manifest --to "$1"; }
reference() { "$REFERENCE" "$1" add "$2"/*.mmpack-manifest; }
historical() { "$HISTORICAL" "$1" "$2"; }

new "$tmp/repo"
"$tmp/mmpush" user add bench --users "$tmp/users" --rights '*' >/dev/null
port=$((20000 + RANDOM % 6000)) status=$((26000 + RANDOM % 6000))
"$tmp/mmpush" serve -R "$tmp/repo" --listen "127.0.0.1:$port" --users "$tmp/users" --status "127.0.0.1:$status" --max-user-sessions 4000 \
    --max-address-connections 4000 --max-connections 4000 >/dev/null 2>"$tmp/log" &
pid=$!
until grep -q msg=serving "$tmp/log"; do kill -0 $pid || { cat "$tmp/log" >&2; exit 1; }; done
sync
from=$(now)
"$tmp/flood" "127.0.0.1:$port" bench "$connections" "$tmp/uploads" >/dev/null
ours=$(($(now) - from))
peak=$(awk '/VmHWM/ { print $2 }' /proc/$pid/status 2>/dev/null || echo '?')
writes=$(exec 3<>"/dev/tcp/127.0.0.1/$status" && printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3 && awk '$1 == "mmpush_commit_uploads_count" { print $2 }' <&3)
kill $pid
wait $pid || true
pid=
printf '%-46s %12s %10s\n' work time 'beside it'
row "$uploads uploads over $connections connections" "$ours" "$writes writes of the index, peak $peak kB"
from=$(now)
for _ in $(seq "$writes"); do
    cp "$tmp/repo/binary-index.gz" "$tmp/copy.gz" && cp "$tmp/repo/source-index" "$tmp/copy" && sync "$tmp/copy.gz" "$tmp/copy"
done
row "floor: cp + sync of both indexes as often" $(($(now) - from)) ''
new "$tmp/alone"
row 'mmpush push, one after the other' "$(counted push "$tmp/alone")" "$sample measured"
if [ -n "${REFERENCE:-}" ]; then
    new "$tmp/reference"
    rm -rf "$tmp/reference/.mmpush"
    row 'the reference, one after the other' "$(counted reference "$tmp/reference")" "$sample measured"
fi
if [ -n "${HISTORICAL:-}" ]; then
    new "$tmp/historical"
    row 'the historical program, one after the other' "$(counted historical "$tmp/historical")" "$sample measured"
fi
