#!/bin/sh
# systemd.sh - the units are what systemd understands, and "systemd-analyze
# security" gives the services of the system less than 2 (0 is nothing allowed,
# 10 is everything).
set -eu
: "${abs_top_builddir:=$(pwd)}"
cd "${srcdir:-.}"

if ! systemd-analyze security --help >/dev/null 2>&1; then
	echo "SKIP: systemd-analyze is not installed"
	exit 77
fi
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
bad=0

# The program need not be installed yet, nor its home exist.
for unit in conf/systemd/*.service.in conf/systemd/*.socket \
	conf/systemd/user/*.service conf/systemd/user/*.socket; do
	to=$copy/${unit#conf/systemd/}
	to=${to%.in}
	mkdir -p "${to%/*}"
	sed 's|^ExecStart=.*|ExecStart=/bin/true|' "$unit" >"$to"
done
# What is installed names the folder of the programs.
for service in "$abs_top_builddir"/conf/systemd/*.service; do
	grep -q '^ExecStart=/.*/pgfeed-' "$service" || {
		echo "$service: $(grep '^ExecStart' "$service")"
		bad=1
	}
done
mkdir -m 0700 "$copy/run"
export XDG_RUNTIME_DIR="$copy/run"
for service in "$copy"/*.service "$copy"/user/*.service; do
	user=
	[ "${service%/user/*}" = "$service" ] || user=--user
	said=$(systemd-analyze verify $user --man=no "$service" \
		"${service%.service}.socket" 2>&1 | grep -F "$copy" || :)
	[ -z "$said" ] || { echo "$said"; bad=1; }
done

for service in "$copy"/*.service; do
	level=$(systemd-analyze security --offline=true --no-pager "$service" 2>&1 |
		sed -n 's/.*Overall exposure level for .*: \([0-9.]*\) .*/\1/p')
	if [ -z "$level" ]; then
		[ $bad = 0 ] || exit 1
		echo "SKIP: this systemd-analyze can't judge files (before 250)"
		exit 77
	fi
	echo "${service##*/}: $level"
	awk "BEGIN { exit !($level < 2) }" || { echo "that is not below 2"; bad=1; }
done
exit $bad
