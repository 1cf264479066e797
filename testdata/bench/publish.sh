#!/bin/bash
# How long publishing takes, beside what the disk needs for the same bytes.
#
#   testdata/bench/publish.sh [PART...]       parts: start sizes large batch many (all)
#   REFERENCE=/path/to/mmpack-modifyrepo testdata/bench/publish.sh
#
# One table, whole processes, each run of ours followed by one of the floor, on the same
# disk and the same bytes:
#
#   start   P6, `version` and a dry run of a tiny upload; the floor is a bare Go program
#   sizes   P1, 1 source and 3 small packages into repositories of SIZES packages; the
#           floor is cp of both index files and sync of the copies. REPLACED: the packages
#           that go stand in the middle of the index. With REFERENCE, the same by that
#           program, and how often ours goes into that.
#   large   P2, a package of 524 MB with a source of 52 MB; the floor is the slower of
#           openssl dgst -sha256, and cp + sync, of both
#   batch   P8, 10 uploads of as many sources in one batch at 10,000; the floor is one publish
#   many    MANY publishes one after the other, each of which replaces the three packages
#           of a source of 10,000 packages; the floor is that of P1. The first 200 and the
#           last 200, and the index beside one that is written at once.
#
# Times are in ms, the median of RUNS runs (the least in brackets), ratio is of medians;
# peak is the largest resident memory in MB. BENCH_DIR is where to work (here), SIZES
# (1000 10000 100000 1000000), RUNS (15) and MANY (10000) say how much.
set -euo pipefail
cd "$(dirname "$0")/../.."
parts=("$@")
[ $# -gt 0 ] || parts=(start sizes large batch many)
read -ra sizes <<<"${SIZES:-1000 10000 100000 1000000}"
runs=${RUNS:-15} many=${MANY:-10000}
ends=$((many < 400 ? many / 2 : 200))

tmp=$(mktemp -d "${BENCH_DIR:-.}/.bench.XXXXXX")
tmp=$(cd "$tmp" && pwd)
trap 'rm -rf "$tmp"' EXIT
mkdir "$tmp/times"
# As a release has it.
CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$tmp/mmpush" ./cmd/mmpush
go build -trimpath -o "$tmp/make" ./testdata/bench/make
printf 'package main\n\nfunc main() {}\n' >"$tmp/bare.go"
go build -o "$tmp/bare" "$tmp/bare.go"

# timed FILE COMMAND...: runs it and appends its time in µs.
timed() {
    local file=$tmp/times/$1 from=${EPOCHREALTIME/[.,]/}
    shift
    "$@" >"$tmp/out" 2>&1 </dev/null || { cat "$tmp/out" >&2; return 1; }
    echo $((${EPOCHREALTIME/[.,]/} - from)) >>"$file"
}

# peak UPLOAD REPO: publishes, its largest resident memory in KB is in $peak.
peak() {
    /usr/bin/time -f %M -o "$tmp/rss" "$tmp/mmpush" push "$1"/*.mmpack-manifest --to "$2" >"$tmp/out" 2>&1
    peak=$(cat "$tmp/rss")
}

# floor REPO: cp and sync of both index files.
floor() {
    cp "$1/binary-index.gz" "$tmp/copy.gz"
    cp "$1/source-index" "$tmp/copy"
    sync "$tmp/copy.gz" "$tmp/copy"
}

publish() { # publish UPLOAD REPO
    "$tmp/mmpush" push "$1"/*.mmpack-manifest --to "$2"
}

median() { sort -n "$tmp/times/$1" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
least() { sort -n "$tmp/times/$1" | head -1; }

# row WORK OURS FLOOR [PEAK]: a line of the table, from files of times.
row() {
    awk -v work="$1" -v a="$(median "$2")" -v al="$(least "$2")" -v b="$(median "$3")" -v bl="$(least "$3")" -v p="${4:-}" 'BEGIN {
        ours = sprintf("%.1f (%.1f)", a / 1e3, al / 1e3)
        disk = sprintf("%.1f (%.1f)", b / 1e3, bl / 1e3)
        printf "%-34s %16s %16s %7.2f %5s\n", work, ours, disk, a / b, p == "" ? "" : sprintf("%.0f", p / 1024)
    }'
    rm -f "$tmp/times/$2" "$tmp/times/$3"
}

# repository NAME SIZE: with an index that is cut up already.
repository() {
    "$tmp/make" repository "$tmp/$1" "$2"
    "$tmp/mmpush" init "$tmp/$1" --arch amd64-debian >/dev/null 2>&1
    publish "$tmp/uploads/1" "$tmp/$1" >/dev/null 2>&1
}

start() {
    "$tmp/mmpush" init "$tmp/empty" --arch amd64-debian >/dev/null 2>&1
    local manifest=("$tmp"/uploads/1/*.mmpack-manifest)
    for _ in $(seq $((2 * runs))); do
        timed version "$tmp/mmpush" version
        timed bare "$tmp/bare"
        timed dry "$tmp/mmpush" push "${manifest[0]}" --dry-run --to "$tmp/empty"
        timed bare2 "$tmp/bare"
    done
    row 'P6 version' version bare
    row 'P6 dry run' dry bare2
    rm -r "$tmp/empty"
}

sizes() {
    local n i
    for n in "${sizes[@]}"; do
        repository repo "$n"
        for i in $(seq 2 $((runs + 1))); do
            timed ours publish "$tmp/uploads/$i" "$tmp/repo"
            timed floor floor "$tmp/repo"
        done
        one=$(median ours)
        peak "$tmp/uploads/$((runs + 2))" "$tmp/repo"
        row "P1 into $n" ours floor "$peak"
        "$tmp/make" updates "$tmp/updates" "1-$runs" "$n"
        for i in $(seq "$runs"); do
            timed ours publish "$tmp/updates/$i" "$tmp/repo"
            timed floor floor "$tmp/repo"
        done
        row "P1 into $n, replaced" ours floor
        rm -r "$tmp/repo" "$tmp/updates"
        [ -z "${REFERENCE:-}" ] || reference "$n"
    done
}

reference() { # reference SIZE: after a row of ours, whose time is $one
    "$tmp/make" repository "$tmp/repo" "$1"
    printf 'architecture: amd64-debian\n' >"$tmp/repo/metadata"
    timed theirs "$REFERENCE" "$tmp/repo" add "$tmp"/uploads/1/*.mmpack-manifest
    awk -v a="$(median theirs)" -v b="$one" 'BEGIN { printf "%-34s %9.1f %38.0f times ours\n", "   the reference", a / 1e3, a / b }'
    rm -r "$tmp/repo" "$tmp/times/theirs"
}

large() {
    "$tmp/make" large "$tmp/large" 500 50
    local files=("$tmp"/large/*.mpk "$tmp"/large/*_src.tar.xz) i floor=copy
    for i in $(seq $((runs / 3 + 1))); do
        "$tmp/mmpush" init "$tmp/repo" --arch amd64-debian >/dev/null 2>&1
        timed ours publish "$tmp/large" "$tmp/repo"
        rm -r "$tmp/repo"
        timed digest openssl dgst -sha256 "${files[@]}"
        timed copy copied "${files[@]}"
        rm -r "$tmp/copies"
    done
    [ "$(median digest)" -lt "$(median copy)" ] || floor=digest
    "$tmp/mmpush" init "$tmp/repo" --arch amd64-debian >/dev/null 2>&1
    peak "$tmp/large" "$tmp/repo"
    row "P2 524 + 52 MB (floor: $floor)" ours $floor "$peak"
    rm -rf "$tmp/repo" "$tmp/large" "$tmp/times/digest" "$tmp/times/copy"
}

copied() {
    mkdir "$tmp/copies"
    cp "$@" "$tmp/copies/"
    sync "$tmp"/copies/*
}

batch() {
    "$tmp/make" uploads "$tmp/more" $((11 * runs + 11)) >/dev/null
    tens more 'P8 10 uploads in one batch'
    "$tmp/make" updates "$tmp/more" "1-$((11 * runs + 11))" 10000
    tens more 'P8 10 in one batch, replaced'
}

# tens UPLOADS WORK: batches of ten, each after one publish.
tens() {
    repository repo 10000
    local i k
    for i in $(seq "$runs"); do
        timed one publish "$tmp/$1/$((11 * i + 1))" "$tmp/repo"
        for k in $(seq 2 11); do echo "ADD $(echo "$tmp/$1/$((11 * i + k))"/*.mmpack-manifest)"; done >"$tmp/commands"
        echo COMMIT >>"$tmp/commands"
        timed ten batched "$tmp/repo"
    done
    row "$2" ten one
    rm -r "$tmp/repo" "${tmp:?}/$1"
}

batched() { "$tmp/mmpush" batch -R "$1" <"$tmp/commands"; }

many() {
    repository repo 10000
    local i last=0 file
    for i in $(seq "$many"); do
        if [ "$i" -gt "$last" ]; then
            rm -rf "$tmp/updates"
            last=$((last + 500))
            "$tmp/make" updates "$tmp/updates" "$i-$last" 10000
            sync -f "$tmp"
        fi
        file=between
        [ "$i" -gt $ends ] || file=first
        [ "$i" -le $((many - ends)) ] || file=last
        timed $file publish "$tmp/updates/$i" "$tmp/repo"
        [ $file = between ] || timed $file-floor floor "$tmp/repo"
        rm -f "$tmp/times/between"
    done
    row "publishes 1 to $ends" first first-floor
    row "publishes $((many - ends + 1)) to $many" last last-floor
    "$tmp/make" anew "$tmp/repo" | awk '{
        printf "%-34s binary-index.gz %d bytes, written at once %d (%+.2f %%); source-index %d, %d\n", "   the index then", $1, $2, ($1 / $2 - 1) * 100, $3, $4
    }'
    rm -r "$tmp/repo" "$tmp/updates"
}

"$tmp/make" uploads "$tmp/uploads" $((runs + 2)) >/dev/null
printf '%-34s %16s %16s %7s %5s\n' work 'mmpush ms' 'floor ms' ratio peak
for part in "${parts[@]}"; do
    case $part in
    start | sizes | large | batch | many) "$part" ;;
    *) echo "$0: no part is called $part" >&2; exit 2 ;;
    esac
done
