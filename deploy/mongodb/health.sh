#!/bin/bash
# The healthcheck of a container of MongoDB: health.sh SCRIPT. Until the script has succeeded once,
# mongosh runs it; since that costs a second of CPU, all that is asked later is whether the server
# still takes connections. /tmp does not outlive the container, so a new start begins anew.
set -euo pipefail
done="${TMPDIR:-/tmp}/member"
port="${PORT:-27017}"
if [ -e "$done" ]; then
    exec 3<>"/dev/tcp/127.0.0.1/$port"
else
    mongosh --quiet "mongodb://127.0.0.1:$port/?directConnection=true" "$1"
    : >"$done"
fi
