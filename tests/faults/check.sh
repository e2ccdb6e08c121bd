#!/bin/sh
#
# check.sh [OPTION...] - the oracle (oracle.py), and whether it can fail.
#
# Without options it is the short run of make check; make check-oracle gives it
# the long one. The run before that makes clients come back with the rule
# "id > last", and must report what that loses; the one before it has gateways
# that fall asleep at once, and must report what comes late.
: "${srcdir:=$(dirname "$0")/../..}"
: "${abs_top_builddir:=$(pwd)}"
PYTHONPATH=$srcdir/tests
export abs_top_builddir PYTHONPATH PYTHONDONTWRITEBYTECODE=1

if ! /usr/bin/python3 -c 'import psycopg2' 2>/dev/null; then
	echo "SKIP: python3-psycopg2 is not installed"
	exit 77
fi
oracle="/usr/bin/python3 $srcdir/tests/faults/oracle.py"
$oracle --hasty --calm --seconds 24 --logs oracle-logs-hasty || exit
$oracle --naive --seconds 12 --logs oracle-logs-naive || exit
[ $# -gt 0 ] || set -- --seconds 30
exec $oracle "$@"
