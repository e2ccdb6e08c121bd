#!/bin/sh
# layers.sh - includes point down: a file knows what it reads from, never what
# reads it. Each line below is a layer, the lowest first. A file includes
# headers of lower layers, its own, and those of its family (joined by "+",
# one module in several files). A new file gets a place here.
set -eu
cd "${srcdir:-.}"

layers='
util
hash
buf client_address fcgi_check log stats table
address config+config_check counters cursor entry+sse fcgi_record header json params problem request+request_inside tally topic
db filter form form_token limit origin page peers pgconn probe ring sandbox token+token_cache+token_files+token_keys
acceptor+socket batch+session draft follow identity keeper opening replay
access ctl ingest listener relay starter subscriber
streams wheel
check_config doctor+doctor_host+doctor_socket+doctor_url admit+hub+hub_inside+join+life init migrate post prune publish pump sign status_ctl tail
subscribe
status
main
'
# fcgi/ctl/status.c is another status than fcgi/stream/status.c.

for file in fcgi/*/*.[ch]; do
	name=$(basename "$file" | sed 's/\.[ch]$//')
	[ "$file" != fcgi/ctl/status.c ] || name=status_ctl
	sed -n 's/^#include "\(.*\)\.h"$/\1/p' "$file" | sed "s|^|$file $name |"
	echo "$file $name $name"
done | awk -v layers="$layers" '
BEGIN {
	n = split(layers, line, "\n")
	for (i = 1; i <= n; i++) {
		m = split(line[i], word, " ")
		for (k = 1; k <= m; k++) {
			f = split(word[k], member, "+")
			for (j = 1; j <= f; j++) {
				layer[member[j]] = i
				family[member[j]] = word[k]
			}
		}
	}
}
{ count++ }
!($2 in layer) {
	print $1 ": has no place in tests/unit/layers.sh"
	bad = 1
	next
}
!($3 in layer) {
	print $1 ": includes " $3 ".h, which has no place in tests/unit/layers.sh"
	bad = 1
	next
}
family[$2] != family[$3] && layer[$3] >= layer[$2] {
	print $1 ": includes " $3 ".h, which is not below it"
	bad = 1
}
END {
	if (count < 50) {
		print "only " count " includes found, is srcdir right?"
		bad = 1
	}
	exit bad
}'
