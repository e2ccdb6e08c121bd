#!/bin/sh
# rooms.sh - the order of the folders below fcgi: a file includes headers of its
# own room and of rooms listed above it, named by their room. A program never
# includes another program; a *_private.h stays in its room.
set -eu
cd "${srcdir:-.}"
# hub is below admission: a stream in the hub goes on by itself, admission adds
# streams to the hub, and the hub reports to it through callbacks.
rooms='base config pg feed fastcgi http auth process
stream/source stream/client stream/hub stream/admission stream post cgi ctl ctl/doctor ctl/setup'

twice=$(find fcgi -name '*.c' ! -name main.c | sed 's|.*/||' | sort | uniq -d)
[ -z "$twice" ] || { echo "two files are called $twice"; exit 1; }

grep -r '^#include "' fcgi --include='*.[ch]' | sed 's|^fcgi/||; s|:#include "\(.*\)".*| \1|' |
	awk -v rooms="$rooms" '
function room_of(path) { sub("/[^/]*$", "", path); sub("^common/", "", path); return path }
function say(what) { print "fcgi/" $1 ": includes \"" $2 "\": " what; bad = 1 }
BEGIN { n = split(rooms, r, /[ \n]/); for (i = 1; i <= n; i++) place[r[i]] = i }
{
	room = room_of($1); from = room_of($2)
	program = from; sub("/.*", "", program)
	if (!(room in place)) say("the room " room " has no place in tests/unit/rooms.sh")
	else if (!(from in place)) say("there is no room " from "; an include names the room of its header")
	else if (place[from] > place[room]) say("the room " from " is not above " room)
	else if (from != room && $2 ~ /_private\.h$/) say("the header is private to " from)
	else if (program ~ /^(stream|post|cgi|ctl)$/ && index(room "/", program "/") != 1)
		say(program " is another program")
}
END {
	if (NR < 100) { print "only " NR " includes found, is srcdir right?"; bad = 1 }
	exit bad
}'
