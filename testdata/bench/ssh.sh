#!/bin/bash
# 500 MB over ssh, side by side: scp and sync of the file, and mmpush push, which has
# published it when it ends. A real sshd on the loopback address, in its own folder.
# testdata/bench/ssh.sh [RUNS]: prints both times and their ratio.
set -euo pipefail
cd "$(dirname "$0")/../.."
runs=${1:-5}
tmp=$(mktemp -d)
pid=
finish() {
    [ -z "$pid" ] || kill "$pid"
    rm -rf "$tmp"
}
trap finish EXIT
go build -o "$tmp/mmpush" ./cmd/mmpush
go run ./testdata/bench/make large "$tmp/out" 500
for key in host client; do ssh-keygen -q -t ed25519 -N '' -f "$tmp/$key"; done
cp "$tmp/client.pub" "$tmp/authorized_keys"
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
port=$((20000 + RANDOM % 20000))
cat >"$tmp/sshd_config" <<END
ListenAddress 127.0.0.1:$port
HostKey $tmp/host
AuthorizedKeysFile $tmp/authorized_keys
StrictModes no
UsePAM no
PidFile none
PermitRootLogin yes
Subsystem sftp internal-sftp
END
cat >"$tmp/config" <<END
IdentityFile $tmp/client
IdentitiesOnly yes
IdentityAgent none
UserKnownHostsFile /dev/null
StrictHostKeyChecking no
LogLevel ERROR
Port $port
END
sshd=$(PATH=$PATH:/usr/sbin command -v sshd)
"$sshd" -D -f "$tmp/sshd_config" &
pid=$!
until ssh -F "$tmp/config" 127.0.0.1 true 2>/dev/null; do kill -0 $pid; done
manifest=("$tmp"/out/*.mmpack-manifest)
package=("$tmp"/out/*.mpk)
now() { date +%s%N; }
export MMPUSH_SSH_COMMAND="ssh -F $tmp/config" MMPUSH_REMOTE="$tmp/mmpush"
best_scp=0 best_push=0
for run in $(seq "$runs"); do
    rm -rf "$tmp/repo" "$tmp/copy"
    "$tmp/mmpush" init "$tmp/repo" --arch amd64-debian >/dev/null
    mkdir "$tmp/copy"
    sync
    a=$(now)
    scp -q -F "$tmp/config" "${package[0]}" "127.0.0.1:$tmp/copy/"
    sync -f "$tmp/copy"
    b=$(now)
    sync
    c=$(now)
    "$tmp/mmpush" push "${manifest[0]}" --to "ssh://127.0.0.1$tmp/repo" >/dev/null
    d=$(now)
    scp_ms=$(((b - a) / 1000000)) push_ms=$(((d - c) / 1000000))
    printf 'run %d: scp + sync %5d ms, push %5d ms, ratio %d.%02d\n' "$run" $scp_ms $push_ms $((push_ms / scp_ms)) $((push_ms * 100 / scp_ms % 100))
    [ $best_scp != 0 ] && [ $best_scp -lt $scp_ms ] || best_scp=$scp_ms
    [ $best_push != 0 ] && [ $best_push -lt $push_ms ] || best_push=$push_ms
done
printf 'best:  scp + sync %5d ms, push %5d ms, ratio %d.%02d\n' $best_scp $best_push $((best_push / best_scp)) $((best_push * 100 / best_scp % 100))
