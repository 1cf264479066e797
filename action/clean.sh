# Read by the last step of the action, also after a failure and when the job is cancelled:
# deletes the folder of the other steps.
# shellcheck shell=bash
set -euo pipefail
PATH=/usr/bin:/bin:$PATH
[ -z "$MMPUSH_WORK" ] || rm -rf -- "$MMPUSH_WORK"
