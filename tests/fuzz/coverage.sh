#!/bin/sh
# coverage.sh [FLOOR] - runs the corpora under AddressSanitizer and
# UndefinedBehaviorSanitizer, in a build of its own below the current folder, and
# tells which share of each parser's lines they reach; fails when one is below
# FLOOR percent (95). With --lines it also prints the lines that are not reached.
# Without clang, which counts them, the corpora are run all the same.
set -eu
: "${srcdir:=$(dirname "$0")/../..}"
srcdir=$(cd "$srcdir" && pwd)
lines=
[ "${1:-}" != --lines ] || { lines=yes; shift; }
floor=${1:-95}

# target: the files whose lines count
parsers='
client_address: common/base/client_address.c
config: common/config/config.c common/config/config_check.c
cursor: common/feed/cursor.c stream/client/ticket.c
publish_request: post/publish_request.c common/http/origin.c
request_check: common/fastcgi/request_check.c
form: common/http/form.c
header: common/http/header.c
json: common/base/json.c
query: common/http/query.c
sse: common/http/sse.c
jwt: common/auth/jwt.c
jwt_keys: common/auth/jwt_keys.c
topic: common/feed/topic.c
'

for corpus in "$srcdir"/tests/fuzz/corpus/*; do
	echo "$parsers" | grep -q "^${corpus##*/}: " ||
		{ echo "coverage.sh has no line for ${corpus##*/}"; exit 1; }
done

counted=yes folder=fuzz-coverage
for tool in clang llvm-profdata llvm-cov; do
	command -v $tool >/dev/null || counted= folder=fuzz-sanitized
done
mkdir -p $folder
cd $folder
if [ -f Makefile ]; then
	:
elif [ -n "$counted" ]; then
	"$srcdir/configure" --quiet --enable-sanitize CC=clang \
		CFLAGS='-g -O0 -fprofile-instr-generate -fcoverage-mapping' >/dev/null
else
	"$srcdir/configure" --quiet --enable-sanitize >/dev/null
fi
echo "$parsers" | {
	bad=0
	while IFS=: read -r target files; do
		[ -n "$target" ] || continue
		program=tests/fuzz/$target.fuzz
		${MAKE:-make} -s "$program" >/dev/null 2>&1 ||
			${MAKE:-make} "$program"
		LLVM_PROFILE_FILE=$target.profraw "$program" \
			"$srcdir/tests/fuzz/corpus/$target"/* >/dev/null
		[ -n "$counted" ] || continue
		llvm-profdata merge -o "$target.profdata" "$target.profraw"
		for file in $files; do
			# name, regions and functions (three each), lines
			llvm-cov report "$program" -instr-profile="$target.profdata" \
				"$srcdir/fcgi/$file" |
				awk -v name="$file" -v floor="$floor" '
				$1 == "TOTAL" {
					share = 100 * ($8 - $9) / $8
					printf "%6.1f %% of %4d lines  %s\n", share, $8, name
					enough = share >= floor
				}
				END { exit !enough }' || { echo "too few lines of $file"; bad=1; }
			[ -z "$lines" ] || llvm-cov show "$program" \
				-instr-profile="$target.profdata" "$srcdir/fcgi/$file" |
				grep -E '^ *[0-9]+\| *0\|' || :
		done
	done
	exit $bad
}
[ -n "$counted" ] || {
	echo "SKIP: clang and llvm count lines; the corpora found nothing"
	exit 77
}
