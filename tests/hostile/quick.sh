#!/bin/sh
# quick.sh - of "make check-hostile" what takes seconds, behind lighttpd, for
# make check.
: "${srcdir:=$(dirname "$0")/../..}"
exec "${SHELL:-/bin/sh}" "$srcdir/tests/integration/run.sh" \
	-m quick -k lighttpd "$srcdir/tests/hostile"
