#!/bin/bash
# How long a publish takes, beside what the disk needs for the same bytes.
#
#   testdata/bench/publish.sh [SIZE...]                  (default: 1000 10000 100000)
#   REFERENCE=/path/to/mmpack-modifyrepo testdata/bench/publish.sh
#
# One table, whole processes, side by side on the same disk: P1, a publish of 1 source
# and 3 small packages into repositories of SIZE packages, and cp + sync of both of its
# index files; with REFERENCE, the same by that program. P6, the start of the program.
# P8, 10 such uploads in one batch. Each figure is the median of the runs.
set -euo pipefail
cd "$(dirname "$0")/../.."
sizes=("${@:-1000}")
[ $# -gt 0 ] || sizes=(1000 10000 100000)
runs=${RUNS:-15}

tmp=$(mktemp -d "${BENCH_DIR:-.}/.bench.XXXXXX")
tmp=$(cd "$tmp" && pwd)
trap 'rm -rf "$tmp"' EXIT
go build -trimpath -o "$tmp/mmpush" ./cmd/mmpush
go build -trimpath -o "$tmp/make" ./testdata/bench/make
ln -s mmpush "$tmp/mmpack-modifyrepo"

now() { date +%s%N; }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
ms() { awk -v ns="$1" 'BEGIN { printf "%.1f", ns / 1e6 }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

timed() { # timed COMMAND...: its time in ns on fd 3, its peak memory in KB in $tmp/rss
    local from; from=$(now)
    /usr/bin/time -f %M -o "$tmp/rss" "$@" >"$tmp/out" 2>&1 || { cat "$tmp/out" >&2; return 1; }
    echo $(($(now) - from)) >&3
}

floor() { # floor REPO: cp + sync of both indexes
    local from; from=$(now)
    cp "$1/binary-index.gz" "$tmp/copy.gz" && cp "$1/source-index" "$tmp/copy" && sync "$tmp/copy.gz" "$tmp/copy"
    echo $(($(now) - from)) >&3
    rm -f "$tmp/copy.gz" "$tmp/copy"
}

"$tmp/make" uploads "$tmp/uploads" $((runs + 1)) >/dev/null
printf '%-28s %12s %12s %7s %9s\n' work 'mmpush ms' 'floor ms' ratio 'peak KB'
for n in "${sizes[@]}"; do
    repo=$tmp/repo-$n
    "$tmp/make" repository "$repo" "$n"
    "$tmp/mmpush" init "$repo" --arch amd64-debian >/dev/null 2>&1
    "$tmp/mmpush" push "$tmp"/uploads/1/*.mmpack-manifest --to "$repo" >/dev/null 2>&1 # cuts the index up
    : >"$tmp/ours"; : >"$tmp/floor"; : >"$tmp/peak"
    for i in $(seq 2 $((runs + 1))); do
        timed "$tmp/mmpush" push "$tmp/uploads/$i"/*.mmpack-manifest --to "$repo" 3>>"$tmp/ours"
        cat "$tmp/rss" >>"$tmp/peak"
        floor "$repo" 3>>"$tmp/floor"
    done
    a=$(median <"$tmp/ours") b=$(median <"$tmp/floor")
    printf '%-28s %12s %12s %7s %9s\n' "P1 publish into $n" "$(ms "$a")" "$(ms "$b")" "$(ratio "$a" "$b")" "$(sort -n "$tmp/peak" | tail -1)"
    if [ -n "${REFERENCE:-}" ]; then
        "$tmp/make" repository "$tmp/reference" "$n"
        printf 'architecture: amd64-debian\n' >"$tmp/reference/metadata"
        timed "$REFERENCE" "$tmp/reference" add "$tmp"/uploads/1/*.mmpack-manifest 3>"$tmp/theirs"
        printf '%-28s %12s %12s %7s %9s\n' "   the reference" "$(ms "$(cat "$tmp/theirs")")" - "$(ratio "$(cat "$tmp/theirs")" "$a") x" "$(cat "$tmp/rss")"
        rm -r "$tmp/reference"
    fi
    [ "$n" = 10000 ] && cp -r "$repo" "$tmp/batch"
    rm -r "$repo"
done

if [ -d "$tmp/batch" ]; then
    "$tmp/make" uploads "$tmp/more" 200 >/dev/null
    : >"$tmp/one"; : >"$tmp/ten"
    v=$((runs + 2))
    for _ in $(seq 10); do
        timed "$tmp/mmpush" push "$tmp/more/$v"/*.mmpack-manifest --to "$tmp/batch" 3>>"$tmp/one"
        v=$((v + 1))
        for k in $(seq 0 9); do echo "ADD $(echo "$tmp/more/$((v + k))"/*.mmpack-manifest)"; done >"$tmp/commands"
        echo COMMIT >>"$tmp/commands"
        v=$((v + 10))
        timed "$tmp/mmpush" batch -R "$tmp/batch" 3>>"$tmp/ten" <"$tmp/commands"
    done
    a=$(median <"$tmp/ten") b=$(median <"$tmp/one")
    printf '%-28s %12s %12s %7s\n' 'P8 10 uploads in one batch' "$(ms "$a")" "$(ms "$b")" "$(ratio "$a" "$b")"
fi

for what in version "push $tmp/uploads/1/*.mmpack-manifest --dry-run --to $tmp/start"; do
    [ "$what" = version ] || "$tmp/mmpush" init "$tmp/start" --arch amd64-debian >/dev/null 2>&1
    : >"$tmp/start.ns"
    # shellcheck disable=SC2086
    for _ in $(seq 20); do timed "$tmp/mmpush" $what 3>>"$tmp/start.ns"; done
    printf '%-28s %12s\n' "P6 ${what%% *}" "$(ms "$(median <"$tmp/start.ns")")"
done
