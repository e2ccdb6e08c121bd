#!/bin/sh
# options.sh - an option of config.c is also in conf/pgfeed.conf, with its
# default, in pgfeed.conf(5), in struct config, and is read somewhere.
set -eu
cd "${srcdir:-.}"
bad=0

say() {
	echo "$*"
	bad=1
}

options=$(sed -n 's/^\tOPTION(\([a-z_]*\), OPT_[A-Z]*, "\(.*\)", .*/\1=\2/p' \
	fcgi/common/config/config.c)
[ "$(echo "$options" | wc -l)" -gt 20 ] || say "no options found in config.c"

while IFS='=' read -r name default; do
	line="#$name =${default:+ $default}"
	grep -qxF "$line" conf/pgfeed.conf ||
		say "$name: conf/pgfeed.conf lacks the line \"$line\""
	grep -q "^\.It Cm $name Pq ${default:-empty}\$" fcgi/common/config/pgfeed.conf.5 ||
		say "$name: pgfeed.conf.5 lacks \".It Cm $name Pq ${default:-empty}\""
	grep -q "[ *]$name;" fcgi/common/config/config.h ||
		say "$name: config.h lacks the member"
	grep -rqE -e "->$name\>|\.$name\>" --include='*.c' fcgi ||
		say "$name: nothing reads it"
done <<END
$options
END

# And the other way round.
for name in $(sed -n 's/^#\([a-z_]*\) =.*/\1/p' conf/pgfeed.conf) \
	$(sed -n 's/^\.It Cm \([a-z_]*\) .*/\1/p' fcgi/common/config/pgfeed.conf.5); do
	echo "$options" | grep -q "^$name=" || say "$name: config.c has no such option"
done
exit $bad
