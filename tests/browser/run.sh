#!/bin/sh
#
# run.sh [TEST-FILE...] - the tests of www/, for make check: in Node, in
# chromium, against pgfeed behind a real web server.
# run.sh --pack FOLDER - only makes the npm package, for make npm.
# run.sh --screenshots FOLDER - only takes the pictures of docs/.
# run.sh --demo URL - only the person of tests/servers: see demo.mjs.
# run.sh --browsers [--table FILE] [BROWSER...] - for make check-browsers: see
#   browsers.mjs; FILE is below the source.
# run.sh --wpt CHECKOUT - only runs web-platform-tests: see wpt.mjs.
#
# Nothing is written below the source: npm's packages and all that is made are
# in tests/browser of the build tree. What a machine lacks makes a skip (77)
# with the reason, not a pass.
: "${srcdir:=$(dirname "$0")/../..}"
: "${abs_top_builddir:=$(pwd)}"
export abs_top_builddir PYTHONDONTWRITEBYTECODE=1
PGFEED_SOURCE=$(cd "$srcdir" && pwd)
CHROMIUM=$(command -v chromium || command -v chromium-browser)
PYTHONPATH=$PGFEED_SOURCE/tests
export PGFEED_SOURCE PYTHONPATH CHROMIUM

skip() {
	echo "SKIP: $*"
	exit 77
}

command -v node >/dev/null || skip "node is not installed"
command -v npm >/dev/null || skip "npm is not installed"
if [ "$1" != --pack ]; then
	[ -n "$CHROMIUM" ] || [ "$1" = --browsers ] ||
		skip "chromium is not installed"
	missing=$(/usr/bin/python3 -c \
		'from lib import harness; print(harness.missing_tools())' 2>&1)
	[ -z "$missing" ] || skip "not here: $(echo "$missing" | tail -n 1)"
fi

dir=$abs_top_builddir/tests/browser/work
mkdir -p "$dir"
for file in package.json package-lock.json .npmrc; do
	cmp -s "$PGFEED_SOURCE/tests/browser/$file" "$dir/$file" && continue
	cp "$PGFEED_SOURCE/tests/browser/$file" "$dir/$file" || exit 1
	chmod u+w "$dir/$file"
	rm -rf "$dir/node_modules"
done
cd "$dir" || exit 1
if [ ! -e node_modules/.complete ]; then
	npm ci >npm.log 2>&1 || {
		tail -n 5 npm.log
		skip "npm could not install what package-lock.json names"
	}
	touch node_modules/.complete
fi
if [ "$1" = --pack ]; then
	node "$PGFEED_SOURCE/www/pack.mjs" "$PGFEED_SOURCE/www" "$2" &&
		cd "$2" && npm pack --silent
	exit
fi
# From here, so that their imports find node_modules.
cp -f "$PGFEED_SOURCE"/tests/browser/*.mjs . || exit 1
case $1 in
--browsers)
	shift
	if [ "$1" = --table ]; then
		table=$PGFEED_SOURCE/$2
		shift 2
		set -- --table "$table" "$@"
	fi
	exec node browsers.mjs "$@"
	;;
--demo | --screenshots | --wpt)
	exec node "${1#--}.mjs" "$2"
	;;
esac
[ $# -gt 0 ] || set -- ./*.test.mjs
rc=0
rm -f all
for file in "$@"; do
	# One after the other, since each has servers of its own.
	# A test that fails may leave a server open, and node with it.
	timeout -k 10 600 node --test "$file" >said 2>&1 || rc=1
	cat said
	cat said >>all
done
awk '/^# pass /{p += $3} /^# fail /{f += $3} /^# cancelled /{f += $3}
	END {print p " passed, " f " failed"}' all
rm -f all
exit $rc
