# Read by the first step of the action: puts mmpush into a new folder, and tells the
# other steps where that is (the output "work"). A release is downloaded and compared
# with its published SHA-256 sums; where there is none for this machine, and for the
# version "source", it is built from the files of the action.
# shellcheck shell=bash
set -euo pipefail
exec 2>&1

# What a build has put ahead of the system's programs is not run here. Only Go is looked
# for where the job has it.
job_path=$PATH
PATH=/usr/bin:/bin:/mingw64/bin:/usr/sbin:/sbin:/usr/local/bin:$PATH

# The runner takes nothing for a command that other programs print.
token=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
printf '::stop-commands::%s\n' "$token"
failure=
finish() {
    printf '::%s::\n' "$token"
    [ -z "$failure" ] || printf '::error title=mmpush::%s\n' "$failure"
}
trap finish EXIT
fail() { # fail MESSAGE: ends the step with an annotation
    failure=${1//%/%25}
    failure=${failure//$'\r'/%0D}
    failure=${failure//$'\n'/%0A}
    printf '%s\n' "mmpush: error: $1"
    exit 1
}

action=${GITHUB_ACTION_PATH//\\//}
temp=${RUNNER_TEMP:-/tmp}
work=$(mktemp -d "${temp//\\//}/mmpush.XXXXXXXXXX")
printf 'work=%s\n' "$work" >>"$GITHUB_OUTPUT"

own=$(cat "$action/action/version")
version=${INPUT_VERSION:-$own}
version=${version#v}
case $version in
source) ;;
*[!0-9A-Za-z.+-]* | [!0-9]*) fail "the input version is $version; expected a release such as 1.2.0, or source" ;;
esac

name=mmpush
case ${RUNNER_OS:-} in
Linux) os=linux ;;
macOS) os=darwin ;;
Windows) os=windows name=mmpush.exe ;;
*) os=unknown ;;
esac
case ${RUNNER_ARCH:-} in
X64) arch=amd64 ;;
ARM64) arch=arm64 ;;
*) arch=unknown ;;
esac
file=mmpush_${version}_${os}_$arch${name#mmpush}
releases=${MMPUSH_RELEASES:-https://github.com/mmpush/mmpush/releases/download}

download() { # download NAME FILE: 1 if the release does not have it
    local status
    status=$(curl -sSL --proto-redir =https --retry 3 --connect-timeout 30 -o "$2" -w '%{http_code}' "$releases/v$version/$1") ||
        fail "$releases/v$version/$1 cannot be downloaded"
    case $status in
    200) ;;
    404) return 1 ;;
    *) fail "$releases/v$version/$1 cannot be downloaded: the server answers $status" ;;
    esac
}

sha256() { # sha256 FILE: prints its sum
    if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -c1-64
}

released() { # puts the released program into the folder; 1 if there is none for this machine
    local want cached=${RUNNER_TOOL_CACHE:-}
    download SHA256SUMS "$work/SHA256SUMS" || return 1
    want=$(awk -v file="$file" '$2 == file || $2 == "*" file { print $1; exit }' "$work/SHA256SUMS")
    [ -n "$want" ] || return 1
    # The cache of the machine saves the download, and is not trusted more.
    cached=${cached//\\//}/mmpush/$file
    if [ -f "$cached" ] && cp -- "$cached" "$work/$name" && [ "$(sha256 "$work/$name")" = "$want" ]; then
        printf 'mmpush %s, as cached\n' "$version"
    else
        download "$file" "$work/$name" || fail "the release $version names $file in SHA256SUMS and does not have it"
        local got
        got=$(sha256 "$work/$name")
        [ "$got" = "$want" ] || fail "$file of the release $version has the SHA-256 $got; SHA256SUMS says $want"
        printf 'mmpush %s, downloaded\n' "$version"
        if [ -n "${RUNNER_TOOL_CACHE:-}" ] && mkdir -p "${cached%/*}" 2>/dev/null; then
            if ! { cp -- "$work/$name" "$cached.$$" && mv -f -- "$cached.$$" "$cached"; }; then
                printf 'it is not cached\n'
            fi
        fi
    fi
    chmod 0700 "$work/$name"
}

build() {
    PATH=$job_path command -v go >/dev/null ||
        fail "there is no mmpush $version for $os/$arch, and no Go to build it with: add a step with actions/setup-go"
    printf 'mmpush is built from %s\n' "$action"
    (cd "$action" && PATH=$job_path GOFLAGS=-mod=readonly GOWORK=off go build -buildvcs=false -o "$work/$name" ./cmd/mmpush) ||
        fail "mmpush cannot be built"
}

if [ "$version" = source ]; then
    build
elif ! released; then
    [ "$version" = "$own" ] || fail "there is no release $version with a program for $os/$arch; version: source builds the one of the action"
    build
fi
