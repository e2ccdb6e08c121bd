#!/bin/sh
#
# run.sh [PYTEST-ARGUMENT...] - integration tests, for make check.
#
# Nothing is written below the source, which may be read-only. What a machine
# lacks makes a skip (77) with the reason, not a pass.
: "${srcdir:=$(dirname "$0")/../..}"
: "${abs_top_builddir:=$(pwd)}"
PYTHONPATH=$srcdir/tests
export abs_top_builddir PYTHONPATH PYTHONDONTWRITEBYTECODE=1

if ! /usr/bin/python3 -c 'import psycopg2, pytest' 2>/dev/null; then
	echo "SKIP: python3-pytest or python3-psycopg2 is not installed"
	exit 77
fi
[ $# -gt 0 ] || set -- "$srcdir/tests/integration"
exec /usr/bin/python3 -m pytest -q -p no:cacheprovider --durations=5 "$@"
