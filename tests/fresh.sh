#!/usr/bin/env bash
#
# fresh.sh - the README's two commands on a fresh machine, or nearly.
#
#   tests/fresh.sh [user|root] [up|check|both]      as root; default: user both
#
# Makes a minimal Debian with debootstrap in a folder, clones this repository
# (what is committed) into a folder with a blank in its name, and there, as a
# new user with sudo or as root, runs ./run up, uses the page, runs ./run up
# again, ./run apache beside it, and ./run stop; then ./run check.
#
# It covers: what is missing being installed, the build, permissions, paths,
# and that no service was started or enabled. It does not cover: systemd (the
# chroot has none running), another kernel, and a network of its own: the
# chroot shares this machine's, so ports are chosen that are free here. What
# it starts lives in a process namespace and ends with it.
set -euo pipefail

who=${1:-user}
what=${2:-both}
suite=${SUITE:-bookworm}
source=$(cd "$(dirname "$0")/.." && pwd)
. "$source/tests/lib/root.sh"

say() {
	printf '\n=== fresh.sh: %s\n' "$*"
}

die() {
	printf 'fresh.sh: %s\n' "$*" >&2
	exit 1
}

# The part that runs inside, in namespaces of its own.
if [[ ${1:-} == --inside ]]; then
	place=$2 home=$3 who=$4 what=$5 ports=$6
	mount -t proc proc "$place/proc"
	mount -t tmpfs tmpfs "$place/dev/shm"
	as=()
	[[ $who == root ]] || as=(runuser -u try --)
	try() {
		say "$who: $*"
		chroot "$place" "${as[@]}" env -i HOME="$home" TERM=dumb PATH=/usr/bin:/bin \
			CI=true PGFEED_PORT="$ports" bash -c "cd '$home/x y/pgfeed' && $*" </dev/null
	}
	url=http://127.0.0.1:$ports
	if [[ $what != check ]]; then
		try "./run up"
		try "curl -fsS $url/ | grep -qi '<title>'"
		try "timeout 20 curl -sN '$url/events?topic=demo' | head -n 1 | grep '^retry:'"
		try "curl -fsS -d data=hello $url/events/demo"
		try ". var/env && psql -Atc \"INSERT INTO pgfeed.event(topic, data) VALUES ('demo', 'x') RETURNING id\""
		try "curl -fsS -H 'Accept: application/json' '$url/events?topic=demo&last_event_id=earliest' | grep hello"
		try "./run up"
		try "./run up apache && curl -fsS -d data=apache http://127.0.0.1:$((ports + 1))/events/demo"
		try "./run status"
		try "! ls -d /etc/postgresql/*/main 2>/dev/null"
		try "! ls -d /etc/rc[2-5].d/S*lighttpd /etc/systemd/system/*.wants/lighttpd* 2>/dev/null | grep ."
		try "! ls -d /usr/sbin/policy-rc.d /etc/postgresql-common/*.pgfeed 2>/dev/null | grep ."
		try "./run stop"
		try "! ./run status"
		try "! ps -eo comm= | grep -E '^(postgres|lighttpd|apache2|pgfeed|python3)'"
	fi
	if [[ $what != up ]]; then
		try "./run check"
	fi
	say "$who: all as it should be"
	exit 0
fi

((EUID == 0)) || die "debootstrap and chroot need root"
for tool in debootstrap unshare git; do
	command -v "$tool" >/dev/null || die "$tool is not installed"
done
[[ $who == user || $who == root ]] || die "user or root, not $who"

place=$(mktemp -d /var/tmp/pgfeed-fresh.XXXXXX)
# Whatever is mounted below is so in a namespace that is gone by then.
trap 'rm -rf --one-file-system "$place"' EXIT
chmod 755 "$place"

say "a minimal $suite in $place"
make_root "$suite" "$place" >"$place.log" 2>&1 &&
	chroot "$place" sh -c 'apt-get update && apt-get install -y sudo' >>"$place.log" 2>&1 ||
	{ tail "$place.log"; die "debootstrap failed"; }
rm -f "$place.log"

home=/root
if [[ $who == user ]]; then
	home=/home/try
	chroot "$place" useradd -m -s /bin/bash try
	echo 'try ALL=(ALL) NOPASSWD: ALL' >"$place/etc/sudoers.d/try"
fi
mkdir "$place$home/x y"
git clone -q "$source" "$place$home/x y/pgfeed"
[[ $who == root ]] || chroot "$place" chown -R try: "$home/x y"

port=8180
while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null ||
	(exec 3<>"/dev/tcp/127.0.0.1/$((port + 1))") 2>/dev/null; do
	port=$((port + 2))
done
# PID 1 never waits for what it inherits, as in many a container.
unshare --mount --pid --fork --kill-child sleep infinity &
init=$!
until inner=$(pgrep -P "$init" -x sleep); do sleep 0.1; done
nsenter --mount --pid --target "$inner" \
	"$0" --inside "$place" "$home" "$who" "$what" "$port" && rc=0 || rc=$?
kill "$init" "$inner"
exit "$rc"
