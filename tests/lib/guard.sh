#!/bin/sh
#
# guard.sh - ends what a test has started when the test has ended, even one that
# was killed, and removes its folder.
#
# The test holds the other end of standard input. Every server of a test names
# the test's folder, $GUARDED, in its command line; the folder's name is drawn by
# mkdtemp. SIGINT is PostgreSQL's fast shutdown, and ends the others too.
trap '' INT TERM HUP
: "${GUARDED:?}"
read -r _
for signal in INT INT KILL; do
	pkill "-$signal" -f "$GUARDED" || break
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		pgrep -r D,R,S -f "$GUARDED" >/dev/null || break
		sleep 0.3
	done
done
rm -rf "$GUARDED"
