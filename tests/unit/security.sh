#!/bin/sh
# security.sh - each line of the threat model in SECURITY.md names a test that
# exists: a function of a test program, or a script.
set -eu
cd "${srcdir:-.}"
bad=0 lines=0

while read -r line; do
	tests=$(echo "${line##*| \`}" | tr -d '`|,')
	[ "$tests" != "$line" ] || tests=
	lines=$((lines + 1))
	found=0
	for name in $tests; do
		found=$((found + 1))
		case $name in
		*/*) [ -x "$name" ] ;;
		*) grep -rqE "^(def )?$name\(" --include='test_*.[cp]*' tests ;;
		esac || { echo "SECURITY.md: there is no $name"; bad=1; }
	done
	[ "$found" -gt 0 ] || { echo "SECURITY.md: no test for: $line"; bad=1; }
done <<END
$(grep '^|' SECURITY.md | grep -v -e '^| may try to |' -e '^|---')
END
[ "$lines" -gt 20 ] || { echo "SECURITY.md: only $lines lines found"; bad=1; }
exit $bad
