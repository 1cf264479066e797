#!/bin/bash
# How long it takes to add one package to a pacman repository, beside repo-add and what
# the disk needs for the same bytes.
#
#   testdata/bench/gensync.sh [SIZE...]                  (default: 1000 10000)
#
# One table, whole processes, side by side on the same disk: P7, a package that replaces
# another version of itself in repositories of SIZE packages, by mmpush gensync and by
# repo-add (which syncs nothing), and cp + sync of both databases. Each figure is the
# median of the runs.
set -euo pipefail
cd "$(dirname "$0")/../.."
sizes=("${@:-1000}")
[ $# -gt 0 ] || sizes=(1000 10000)
runs=${RUNS:-11}
theirs=${REPO_ADD_RUNS:-3}

tmp=$(mktemp -d "${BENCH_DIR:-.}/.bench.XXXXXX")
tmp=$(cd "$tmp" && pwd)
trap 'rm -rf "$tmp"' EXIT
# As a release has it.
CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$tmp/mmpush" ./cmd/mmpush
go build -trimpath -o "$tmp/make" ./testdata/bench/make
packages=(testdata/pacman/packages/alpha-1.1-1-any.pkg.tar.zst testdata/pacman/packages/alpha-1.0-1-any.pkg.tar.zst)

now() { date +%s%N; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
ms() { awk -v ns="$1" 'BEGIN { printf "%.1f", ns / 1e6 }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1f", a / b }'; }

timed() { # timed COMMAND...: its time in ns on fd 3, its peak memory in KB in $tmp/rss
    local from; from=$(now)
    /usr/bin/time -f %M -o "$tmp/rss" "$@" >"$tmp/out" 2>&1 || { cat "$tmp/out" >&2; return 1; }
    echo $(($(now) - from)) >&3
}

floor() { # floor FOLDER: cp + sync of both databases
    local from; from=$(now)
    cp "$1/demo.db.tar.gz" "$tmp/copy.db" && cp "$1/demo.files.tar.gz" "$tmp/copy.files" && sync "$tmp/copy.db" "$tmp/copy.files"
    echo $(($(now) - from)) >&3
    rm -f "$tmp/copy.db" "$tmp/copy.files"
}

printf '%-24s %11s %9s %11s %9s %9s %9s\n' work 'mmpush ms' 'peak KB' 'repo-add ms' 'x faster' 'floor ms' 'x floor'
for n in "${sizes[@]}"; do
    repo=$tmp/repo-$n
    "$tmp/make" databases "$tmp/databases" "$n"
    "$tmp/mmpush" init "$repo" --kind pacman --name demo >/dev/null 2>&1
    cp "$tmp"/databases/*.tar.gz "$repo/demo.current/"
    "$tmp/mmpush" gensync "$repo" --name demo --add "${packages[1]}" >/dev/null 2>&1 # cuts the databases up
    : >"$tmp/ours"; : >"$tmp/floor"; : >"$tmp/peak"; : >"$tmp/theirs"
    for i in $(seq "$runs"); do
        sleep 1 # pacman compares dates in whole seconds, so a quicker publish waits
        timed "$tmp/mmpush" gensync "$repo" --name demo --add "${packages[(i - 1) % 2]}" 3>>"$tmp/ours"
        cat "$tmp/rss" >>"$tmp/peak"
        floor "$repo/demo.current" 3>>"$tmp/floor"
    done
    for i in $(seq "$theirs"); do
        timed repo-add "$tmp/databases/demo.db.tar.gz" "${packages[i % 2]}" 3>>"$tmp/theirs"
    done
    a=$(median <"$tmp/ours") b=$(median <"$tmp/theirs") c=$(median <"$tmp/floor")
    printf '%-24s %11s %9s %11s %9s %9s %9s\n' "P7 add one to $n" "$(ms "$a")" "$(sort -n "$tmp/peak" | tail -1)" \
        "$(ms "$b")" "$(ratio "$b" "$a")" "$(ms "$c")" "$(ratio "$a" "$c")"
    rm -r "$repo" "$tmp/databases"
done
