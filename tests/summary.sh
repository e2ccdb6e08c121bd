#!/bin/sh
#
# summary.sh - what the runners themselves said at their end, for make check:
# the last line of each log that has a count in it, and the sum.
#
#   summary.sh LOG...
for log in "$@"; do
	[ -r "$log" ] || continue
	line=$(sed -n -E \
		-e 's/^(\[  (PASSED|FAILED)  \] .*)$/\1/p' \
		-e 's/^(=+ )?([0-9]+ (passed|failed|skipped|errors?)([, ].*)?)$/\2/p' \
		-e 's/^(SKIP: .*)$/\1/p' "$log" | tail -n 1)
	[ -z "$line" ] || printf '%-36s %s\n' "${log%.log}" "$line"
done | awk '
	{ print; gsub(",", "") }
	/\[  PASSED  \]/ { passed += $5 }
	{ for (i = 2; i < NF; i++) {
		if ($(i + 1) == "passed") passed += $i
		if ($(i + 1) == "failed") failed += $i
		if ($(i + 1) == "skipped") skipped += $i
	} }
	END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }'
