# Read by the second step of the action: turns the inputs, which are environment, into a
# command line. mmpush does everything else.
# shellcheck shell=bash
set -euo pipefail

# The ssh of the system, not one that a build has put ahead of it.
PATH=/usr/bin:/bin:/mingw64/bin:/usr/sbin:/sbin:/usr/local/bin:$PATH
# Keys for ssh are written here, and the last step deletes it whatever happens.
export TMPDIR=$MMPUSH_WORK
# An input that is given is stronger than a variable of the job.
if [ -n "$INPUT_PASSWORD" ]; then
    export MMPUSH_PASSWORD=$INPUT_PASSWORD
    unset MMPUSH_TOKEN
fi
[ -z "$INPUT_SSH_KEY" ] || export MMPUSH_SSH_KEY=$INPUT_SSH_KEY
[ -z "$INPUT_KNOWN_HOSTS" ] || export MMPUSH_KNOWN_HOSTS=$INPUT_KNOWN_HOSTS
unset INPUT_PASSWORD INPUT_SSH_KEY INPUT_KNOWN_HOSTS
[ "${INPUT_SUMMARY:-true}" != false ] || unset GITHUB_STEP_SUMMARY

words=(push --output=github --glob
    "--fail-on-unmatched=${INPUT_FAIL_ON_UNMATCHED:-true}"
    "--dry-run=${INPUT_DRY_RUN:-false}"
    "--rebuild=${INPUT_REBUILD:-false}"
    "--allow-downgrade=${INPUT_ALLOW_DOWNGRADE:-false}"
    "--take-over=${INPUT_TAKE_OVER:-false}"
    "--wait=${INPUT_WAIT:-false}")
[ -z "$INPUT_TO" ] || words+=("--to=$INPUT_TO")
[ -z "$INPUT_USER" ] || words+=("--user=$INPUT_USER")
[ -z "$INPUT_PUBLIC_URL" ] || words+=("--public-url=$INPUT_PUBLIC_URL")
while IFS= read -r verifier; do
    [ -z "$verifier" ] || words+=("--verifier=$verifier")
done <<<"$INPUT_VERIFIERS"

# No process stands between the runner and mmpush: it hears when the job is cancelled.
exec "$MMPUSH_WORK/mmpush" "${words[@]}" -- "$INPUT_MANIFEST"
