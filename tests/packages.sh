#!/usr/bin/env bash
#
# packages.sh - the Debian packages on fresh machines, from the build to purge.
#
#   tests/packages.sh [SUITE...]      as root; default: bookworm trixie
#
# For each suite: builds the packages twice in a minimal Debian made with
# debootstrap, compares the two builds byte by byte, runs lintian, builds a
# version from before, and boots a second Debian with systemd as PID 1
# (systemd-nspawn, without a network). There debian/tests/site follows the README
# behind Apache and behind lighttpd, upgrades with an open stream, removes and
# purges. ROOTS names a folder that keeps the roots for the next run.
set -euo pipefail
source=$(cd "$(dirname "$0")/.." && pwd)
. "$source/tests/lib/root.sh"

build_packages=(lintian git)
test_packages=(systemd systemd-sysv dbus procps apache2 lighttpd postgresql
	curl python3)

say() {
	printf '\n=== packages.sh: %s\n' "$*"
}

die() {
	printf 'packages.sh: %s\n' "$*" >&2
	exit 1
}

# in_root ROOT COMMAND: a shell in the root.
in_root() {
	chroot "$1" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 \
		DEBIAN_FRONTEND=noninteractive HOME=/root bash -ec "$2" </dev/null
}

# logged NAME COMMAND...: shows the output of what fails.
logged() {
	local log=$place/$1.log
	shift
	"$@" >"$log" 2>&1 || { tail -n 40 "$log"; die "failed: $log"; }
}

fresh_root() {
	local root=$1
	shift
	[[ ! -e $root/.complete ]] || return 0
	logged debootstrap make_root "$suite" "$root"
	# No service starts while packages are installed here.
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
	logged install in_root "$root" "apt-get update -q &&
		apt-get install -y -q --no-install-recommends $*"
	rm "$root/usr/sbin/policy-rc.d"
	touch "$root/.complete"
}

# block FILE NAME: the commands of a block of a text.
block() {
	local commands
	commands=$(sed -n "/^\`\`\`sh $2\$/,/^\`\`\`\$/p" "$source/$1" | grep -v '^```') ||
		die "$1 has no block \"$2\""
	printf '%s\n' "$commands"
}

# build ROOT FOLDER [VERSION]: the packages in /FOLDER/deb of the root, as
# docs/hosting.md says. The unit tests run once.
build() {
	local root=$1 folder=$2 version=${3:-} options=nocheck commands
	commands=$(block docs/hosting.md deb)
	[[ $folder != first ]] || options=
	rm -rf "${root:?}/$folder"
	git clone -q "$source" "$root/$folder"
	if [[ -n $version ]]; then
		sed -i "1s/(.*)/($version)/" "$root/$folder/debian/changelog"
	fi
	logged "build-$folder" in_root "$root" "cd /$folder
		export DEB_BUILD_OPTIONS=$options
		$commands"
}

run_suite() {
	local builder=$roots/$suite-build machine=$roots/$suite-test rc file
	say "$suite: building"
	fresh_root "$builder" "${build_packages[@]}"
	build "$builder" first
	build "$builder" second-build
	for file in "$builder"/first/deb/*.deb; do
		cmp "$file" "$builder/second-build/deb/${file##*/}" ||
			die "two builds of one commit differ"
	done
	say "$suite: two builds are identical"
	in_root "$builder" "cd /first/deb && lintian --fail-on error,warning *.changes"
	say "$suite: lintian has no errors and no warnings"
	build "$builder" before 0.0.9

	fresh_root "$machine" "${test_packages[@]}"
	rm -rf "$machine/test"
	mkdir -p "$machine/test/before"
	cp "$builder"/first/deb/*.deb "$source/debian/tests/site" "$source/README.md" "$machine/test"
	cp "$builder"/before/deb/*.deb "$machine/test/before"
	# The machine boots without a network: what apt needs is there before.
	logged download in_root "$machine" "apt-get install -y -q --download-only /test/*.deb"
	boot "$machine"
}

# Boots the root with the test as a service, whose result is the exit status.
boot() {
	local machine=$1
	cat >"$machine/etc/systemd/system/packages-test.service" <<END
[Unit]
After=multi-user.target
SuccessAction=exit
FailureAction=exit
[Service]
Type=oneshot
Environment=LC_ALL=C.UTF-8 HOME=/root
ExecStart=/test/site
StandardOutput=file:/test/log
StandardError=file:/test/log
[Install]
WantedBy=graphical.target
END
	in_root "$machine" "systemctl -q disable apache2 lighttpd;
		systemctl -q set-default graphical.target; systemctl -q enable packages-test"
	say "$suite: booting"
	: >"$machine/test/log"
	SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 timeout 900 systemd-nspawn -q \
		--register=no --keep-unit --private-network -D "$machine" --boot \
		>"$place/boot.log" 2>&1 && rc=0 || rc=$?
	cat "$machine/test/log"
	((rc == 0)) || die "$suite: exit status $rc, see $place/boot.log"
}

((EUID == 0)) || die "debootstrap and systemd-nspawn need root"
for tool in debootstrap systemd-nspawn git; do
	command -v "$tool" >/dev/null || die "$tool is not installed"
done
place=$(mktemp -d /var/tmp/pgfeed-packages.XXXXXX)
roots=${ROOTS:-$place}
done=
trap '[[ -z $done ]] || rm -rf --one-file-system "$place"' EXIT
chmod 755 "$place"
(($# > 0)) || set -- bookworm trixie
for suite in "$@"; do
	run_suite
done
say "all as it should be: $*"
done=yes
