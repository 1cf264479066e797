#!/bin/bash
# Sourced by the scripts that compare whole programs with others, in turns, on the same
# bytes: what a run took, and the table of all runs. The script has a folder $tmp.
: "${tmp:?}"

# ticks PID: the processor time of a process and of its children that have ended, in ms.
ticks() {
    sed 's/.*) //' "/proc/$1/stat" |
        awk -v hz="$(getconf CLK_TCK)" '{ n += $12 + $13 + $14 + $15 } END { printf "%d\n", n * 1000 / hz }'
}

# run NAME SERVER COMMAND...: runs the command, which SERVER (a process id, or 0) serves,
# and notes its wall time, the processor time of both sides and the peak memory of the
# command (KB) for NAME.
run() {
    local name=$1 server=$2 before=0 after=0 from took
    shift 2
    sync
    [ "$server" = 0 ] || before=$(ticks "$server")
    from=$(date +%s%N)
    /usr/bin/time -f '%U %S %M' -o "$tmp/time" "$@" >"$tmp/said" 2>&1 || { cat "$tmp/said" >&2; return 1; }
    took=$((($(date +%s%N) - from) / 1000))
    # A session of sshd's is counted when it has ended.
    sleep 0.3
    [ "$server" = 0 ] || after=$(ticks "$server")
    awk -v us="$took" -v server=$((after - before)) '{ print us / 1000, ($1 + $2) * 1000, server, $3 }' "$tmp/time" >>"$tmp/of-$name"
}

# column NAME N: the figures of all runs, sorted.
column() { awk -v n="$2" '{ print (n == 0 ? $2 + $3 : $n) }' "$tmp/of-$1" | sort -n; }
least() { head -n 1; }
most() { tail -n 1; }
middle() { awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", a / b }'; }

heading() {
    printf '%-26s %9s %9s %7s %7s %9s %9s\n' 'ms' 'least' 'median' 'ratio' 'ratio' 'cpu' 'peak KB'
}

# row NAME BASE TEXT: one line of the table; the ratios are of the least and of the median
# times to those of BASE.
row() {
    [ -e "$tmp/of-$1" ] || return 0
    printf '%-26s %9.0f %9.0f %7s %7s %9.0f %9s\n' "$3" \
        "$(column "$1" 1 | least)" "$(column "$1" 1 | middle)" \
        "$(ratio "$(column "$1" 1 | least)" "$(column "$2" 1 | least)")" \
        "$(ratio "$(column "$1" 1 | middle)" "$(column "$2" 1 | middle)")" \
        "$(column "$1" 0 | least)" "$(column "$1" 4 | most)"
}
