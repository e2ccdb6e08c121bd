#!/bin/sh
# migrations.sh - numbers without a gap, each with a way back, all installed,
# and the programs ask for the last one.
set -eu
cd "${srcdir:-.}"
bad=0

say() {
	echo "$*"
	bad=1
}

n=0
for up in migrations/*.up.sql; do
	n=$((n + 1))
	name=${up#migrations/}
	name=${name%.up.sql}
	case $name in
	"$(printf %04d $n)"_*) ;;
	*) say "$name should have number $n" ;;
	esac
	[ -s "migrations/$name.down.sql" ] || say "$name has no way back"
	for way in up down; do
		grep -q "migrations/$name.$way.sql" Makefile.am ||
			say "Makefile.am lacks migrations/$name.$way.sql"
	done
	grep -Eiq '^(BEGIN|COMMIT|ROLLBACK) *;' "$up" "migrations/$name.down.sql" &&
		say "$name ends or begins a transaction, pgfeed migrate does that"
done
grep -n '^CREATE OR REPLACE' migrations/*.up.sql &&
	say "a migration re-creates what an earlier one made: change that one"
grep -qx "#define DB_SCHEMA_VERSION $n" fcgi/common/pg/db.h ||
	say "DB_SCHEMA_VERSION in fcgi/common/pg/db.h should be $n"

# SECURITY DEFINER without a search_path of its own is a way in.
awk '/CREATE FUNCTION/ { name = $3 } /SECURITY DEFINER/ &&
	!/SET search_path = pg_catalog, pg_temp/ { print FILENAME ": " name
	" is SECURITY DEFINER without SET search_path"; bad = 1 } END { exit bad }' \
	migrations/*.up.sql || bad=1
exit $bad
