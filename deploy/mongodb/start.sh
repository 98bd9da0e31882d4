#!/bin/bash
# Starts a node of MongoDB in its official image: first it writes down the key by which the nodes of
# a set know each other, because mongod takes it from a private file of its own user alone.
set -euo pipefail
umask 077
key="${TMPDIR:-/tmp}/mongodb.key"
printf '%s' "${MONGODB_KEY:?the key of the set, 6 to 1024 letters and digits}" >"$key"
exec docker-entrypoint.sh "$@" --keyFile "$key"
