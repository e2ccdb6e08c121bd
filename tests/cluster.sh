#!/usr/bin/env bash
#
# cluster.sh - ./run cluster: both pages go on when the primary is killed.
#
#   tests/cluster.sh
#
# Builds into a folder of its own, or into PGFEED_VAR, follows the demo behind
# both web servers, kills the primary twice, and compares what both streams got
# with the table: every event that was committed, once and in order.
set -euo pipefail

source=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d /tmp/pgfeed-cluster-XXXXXX)
chmod 755 "$work"
export PGFEED_VAR=${PGFEED_VAR:-$work/var} PGFEED_PORT=${PGFEED_PORT:-18080}
clients=()

leave() {
	((${#clients[@]} == 0)) || kill "${clients[@]}" 2>/dev/null || true
	"$source/run" stop
	rm -rf "$work"
}
trap leave EXIT

die() {
	printf 'cluster.sh: %s\n' "$*" >&2
	exit 1
}

# wait_for SECONDS TEXT COMMAND...
wait_for() {
	local until=$((SECONDS + $1)) what=$2
	shift 2
	until "$@"; do
		((SECONDS < until)) || die "not within time: $what"
		sleep 0.1
	done
}

sql() (
	. "$PGFEED_VAR/env"
	psql -X -q -Atc "$1"
)

# publish TEXT: until it is committed; the key makes it one event.
publish() {
	curl -fsS -m 5 -o /dev/null -H "Idempotency-Key: $1" -d "data=$1" \
		"http://127.0.0.1:$PGFEED_PORT/events/demo" 2>/dev/null
}

received() {
	sed -n 's/^data: \(event-.*\)/\1/p' "$work/$1"
}

committed() {
	sql "SELECT data FROM pgfeed.event WHERE topic = 'demo' AND data LIKE 'event-%' ORDER BY id"
}

has_all() {
	diff <(committed) <(received "$1") >/dev/null
}

"$source/run" cluster
[[ -z $(committed) ]] || die "$PGFEED_VAR has events of an earlier run"
for port in "$PGFEED_PORT" $((PGFEED_PORT + 1)); do
	curl -sN "http://127.0.0.1:$port/events?topic=demo" >"$work/$port" &
	clients+=($!)
	wait_for 20 "a live stream" grep -q pgfeed.live "$work/$port"
done
for round in 1 2; do
	for n in 1 2 3 4 5; do
		wait_for 20 "a POST" publish "event-$round-$n-before"
	done
	"$source/run" cluster kill primary
	for n in 1 2 3 4 5; do
		wait_for 20 "a POST after the failover" publish "event-$round-$n-after"
	done
	[[ $(committed | wc -l) == $((10 * round)) ]] || die "events are lost"
	for port in "$PGFEED_PORT" $((PGFEED_PORT + 1)); do
		wait_for 20 "all events at port $port" has_all "$port"
		! grep pgfeed.gap "$work/$port" || die "a gap where nothing was lost"
	done
	! "$source/run" cluster kill primary 2>/dev/null || die "the only node was killed"
	"$source/run" cluster
done
"$source/run" status | grep "the standby" >/dev/null || die "status knows no standby"
echo "cluster.sh: passed"
