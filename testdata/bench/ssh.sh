#!/bin/bash
# 500 MB over ssh, side by side: scp and sync of the file; mmpush push, which has
# published it when it ends; and, as the least that ssh takes, cat and sync of it. A real
# sshd on the loopback address, in its own folder; all three with the same configuration.
#
#   testdata/bench/ssh.sh [RUNS]                         (default: 9)
#
# The table has the least and the median time, their ratios to scp's, the least processor
# time of both sides, and the peak memory: of mmpush push, and of mmpush receive.
set -euo pipefail
cd "$(dirname "$0")/../.."
runs=${1:-9}
tmp=$(mktemp -d "${BENCH_DIR:-/tmp}/bench.XXXXXX")
pid=
finish() {
    [ -z "$pid" ] || kill "$pid"
    rm -rf "$tmp"
}
trap finish EXIT
. testdata/bench/beside.sh
# As a release has it.
CGO_ENABLED=0 go build -trimpath -ldflags='-s -w' -o "$tmp/mmpush" ./cmd/mmpush
go run ./testdata/bench/make large "$tmp/out" 500
for key in host client; do ssh-keygen -q -t ed25519 -N '' -f "$tmp/$key"; done
cp "$tmp/client.pub" "$tmp/authorized_keys"
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd
port=$((20000 + RANDOM % 20000))
cat >"$tmp/sshd_config" <<CONFIG
ListenAddress 127.0.0.1:$port
HostKey $tmp/host
AuthorizedKeysFile $tmp/authorized_keys
StrictModes no
UsePAM no
PidFile none
PermitRootLogin yes
Subsystem sftp internal-sftp
# Commands without the account's .bashrc, which is no matter of ours.
SetEnv SHLVL=2
CONFIG
cat >"$tmp/config" <<CONFIG
IdentityFile $tmp/client
IdentitiesOnly yes
IdentityAgent none
UserKnownHostsFile /dev/null
StrictHostKeyChecking no
LogLevel ERROR
Port $port
CONFIG
cat >"$tmp/receive" <<SCRIPT
#!/bin/bash
exec /usr/bin/time -f %M -a -o "$tmp/memory" "$tmp/mmpush" "\$@"
SCRIPT
chmod +x "$tmp/receive"
sshd=$(PATH=$PATH:/usr/sbin command -v sshd)
"$sshd" -D -f "$tmp/sshd_config" &
pid=$!
until ssh -F "$tmp/config" 127.0.0.1 true 2>/dev/null; do kill -0 $pid; done
manifest=("$tmp"/out/*.mmpack-manifest)
package=("$tmp"/out/*.mpk)
export MMPUSH_SSH_COMMAND="ssh -F $tmp/config" MMPUSH_REMOTE="$tmp/receive"

copy=$tmp/copy/large

for _ in $(seq "$runs"); do
    for way in scp push cat; do
        rm -rf "$tmp/repo" "$tmp/copy"
        mkdir "$tmp/copy"
        "$tmp/mmpush" init "$tmp/repo" --arch amd64-debian >/dev/null 2>&1
        case $way in
        scp) run scp "$pid" bash -c "scp -q -F '$tmp/config' '${package[0]}' '127.0.0.1:$copy' && sync '$copy' '$tmp/copy'" ;;
        cat) run cat "$pid" bash -c "ssh -F '$tmp/config' 127.0.0.1 \"cat >'$copy' && sync '$copy' '$tmp/copy'\" <'${package[0]}'" ;;
        push) run push "$pid" "$tmp/mmpush" push "${manifest[0]}" --to "ssh://127.0.0.1$tmp/repo" ;;
        esac
    done
done
heading
row scp scp 'scp + sync'
row push scp 'mmpush push, published'
row cat scp 'ssh cat + sync'
printf 'mmpush receive: peak %s KB\n' "$(sort -n "$tmp/memory" | most)"
