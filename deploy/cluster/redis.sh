#!/bin/sh
# Makes one Redis Cluster of nodes that run: redis.sh HOST:PORT…, half of them masters. Nodes that
# belong to one already are left as they are; it ends when the cluster answers for every slot.
set -eu

ask() {
    redis-cli -h "${first%:*}" -p "${first##*:}" cluster info
}

first=$1
if ask | grep -q '^cluster_known_nodes:1[^0-9]*$'; then
    redis-cli --cluster create "$@" --cluster-replicas 1 --cluster-yes
fi
until ask | grep -q '^cluster_state:ok'; do
    sleep 1
done
echo "the cluster answers for every slot"
