# root.sh - a minimal Debian in a folder, for tests/fresh.sh and
# tests/packages.sh. To be sourced.
#
# $MIRROR names the archive; without it, this machine's own is used, but none of
# its other sources.

# own_mirror NAME: the first source of this machine that ends in /NAME.
own_mirror() {
	cat /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null |
		grep -oE "^[^#]*https?://[^ ]+/$1/?( |\$)" |
		grep -oE "https?://[^ ]+" | head -n 1
}

# make_root SUITE FOLDER: its sources are those of the suite.
make_root() {
	local suite=$1 folder=$2 mirror security
	mirror=${MIRROR:-$(own_mirror debian)}
	mirror=${mirror:-http://deb.debian.org/debian}
	security=$(own_mirror debian-security)
	security=${security:-http://security.debian.org/debian-security}
	debootstrap --variant=minbase --include=ca-certificates \
		"$suite" "$folder" "$mirror" || return
	{
		echo "deb $mirror $suite main"
		echo "deb-src $mirror $suite main"
		case $suite in
		sid | unstable | testing) ;; # the other two are empty
		*)
			echo "deb $mirror $suite-updates main"
			echo "deb $security $suite-security main"
			;;
		esac
	} >"$folder/etc/apt/sources.list"
	cp -L /etc/resolv.conf /etc/hosts "$folder/etc/"
	# The way to the archive is this machine's.
	apt-config dump | grep -i proxy >"$folder/etc/apt/apt.conf.d/90proxy" || :
}
