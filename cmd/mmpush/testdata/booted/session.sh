#!/bin/bash
# What an operator does, on a machine that systemd has booted: the README's commands, then
# what happens to a service in its life. TestServiceOnABootedMachine reads what this prints.
# $1 has the uploads.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C MMPUSH_PASSWORD=a-long-password-of-a-test
ip link set lo up
cd "$1" || exit

push() { # push UPLOAD: over the network, with the fingerprint that the journal shows
    local fingerprint
    fingerprint=$(journalctl -u mmpush -o cat | sed -n 's/^fingerprint //p' | tail -1)
    mmpush push "$1"/*.mmpack-manifest --to "tupkgs://me@127.0.0.1?fingerprint=$fingerprint" 2>&1 | tail -1
}
state() { systemctl is-active "$@" | paste -sd ' '; }
until_is() { # until_is WANTED COMMAND...: as long as systemd takes
    local wanted=$1
    shift
    until [ "$("$@")" = "$wanted" ]; do sleep 0.1; done
}
restarts() { systemctl show -p NRestarts --value mmpush.service; }

mmpush service print --dir /etc/systemd/system >/dev/null
(
    cd /etc/systemd/system || exit
    systemd-sysusers "$PWD"/mmpush-sysusers.conf && systemd-tmpfiles --create "$PWD"/mmpush-tmpfiles.conf
    runuser -u mmpush -- mmpush init /var/lib/mmpush/repo --arch amd64-debian
    runuser -u mmpush -- mmpush user add me --users /var/lib/mmpush/users --rights '*'
    # The watchdog of a minute would be waited for.
    mkdir mmpush.service.d && printf '[Service]\nWatchdogSec=2s\n' >mmpush.service.d/quick.conf
    systemctl daemon-reload
    systemctl enable --now mmpush.socket mmpush.service mmpush-gc.timer
) >/run/setup 2>&1 || cat /run/setup
echo "started: $(state mmpush.socket mmpush.service mmpush-gc.timer)"
echo "first: $(push 01-*)"

systemctl stop mmpush.service 2>/dev/null
echo "stopped: $(state mmpush.socket mmpush.service)"
echo "by the socket: $(push 02-*)"
echo "woken: $(state mmpush.service)"

systemctl stop mmpush.service 2>/dev/null
systemctl enable --now mmpush-http.socket 2>/dev/null
systemctl start mmpush.service
echo "readers: $(curl -s http://127.0.0.1/source-index | sed -n 's/^name: //p' | sort | paste -sd ' ')"

install -d -o mmpush /srv/drop
systemctl start mmpush-watch@srv-drop.service
install -o mmpush 03-*/* /srv/drop
until_is 1 sh -c 'ls /srv/drop/verdicts 2>/dev/null | grep -c mmpack-manifest'
echo "dropped: $(journalctl -u mmpush-watch@srv-drop -o cat | grep -o 'msg=published')"

systemctl start mmpush-gc.service
echo "gc: $(systemctl show -p Result --value mmpush-gc.service)"

kill -STOP "$(systemctl show -p MainPID --value mmpush.service)"
until_is 1 restarts
until_is active systemctl is-active mmpush.service
echo "hung: $(journalctl -u mmpush -o cat | grep -o "result 'watchdog'")"
kill -KILL "$(systemctl show -p MainPID --value mmpush.service)"
until_is 2 restarts
until_is active systemctl is-active mmpush.service
echo "killed, and: $(push 05-*)"
for unit in mmpush.service mmpush-gc.service mmpush-watch@srv-drop.service; do
    systemd-analyze security --no-pager "$unit" | grep -q -E ': [01]\.[0-9] ' && echo "below 2.0: $unit"
done
echo "generations: $(mmpush log -R /var/lib/mmpush/repo | wc -l)"
echo "failed: $(systemctl list-units --state=failed 'mmpush*' --plain --no-legend | wc -l)"
