#!/bin/sh
# configure.sh - configure adds every protection that the compiler has, whatever
# else the user's CFLAGS ask for, and fails when CFLAGS switch one off.
set -eu
: "${srcdir:=.}" "${abs_top_builddir:=$(pwd)}"
srcdir=$(cd "$srcdir" && pwd)

[ -x "$srcdir/configure" ] || { echo "SKIP: there is no configure"; exit 77; }
CC=$(sed -n 's/^CC = //p' "$abs_top_builddir/Makefile")
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
bad=0

flags() {
	sed -n 's/^PGFEED_[A-Z]*FLAGS = *//p' Makefile | tr '\n' ' '
}

"$srcdir/configure" -q CC="$CC" >/dev/null
plain=$(flags)
case $plain in
*-fstack-protector-strong*) ;;
*) echo "no stack protector: $plain"; bad=1 ;;
esac
# gcc and clang warn of configure's own macros then.
"$srcdir/configure" -q CC="$CC" CFLAGS='-O2 -Wunused-macros' \
	CPPFLAGS=-D_FORTIFY_SOURCE=2 >/dev/null
[ "$(flags)" = "$plain" ] || {
	echo "CFLAGS=-Wunused-macros changes the flags to: $(flags)"
	bad=1
}
for off in -O0 -fno-stack-protector; do
	if "$srcdir/configure" -q CC="$CC" CFLAGS="$off" >said 2>&1; then
		echo "CFLAGS=$off is taken without a word"
		bad=1
	elif ! grep -q -e --disable-hardening said; then
		tail -n 3 said
		bad=1
	fi
done
exit $bad
