#!/bin/sh
# fuzz.sh - runs libFuzzer targets, each for FUZZ_SECONDS, beginning with the
# corpus: fuzz.sh PATH/NAME.fuzz ... Stops at the first finding. New inputs
# are kept in fuzz-found/NAME, and what broke a target beside them.
set -eu
: "${FUZZ_SECONDS:=60}" "${srcdir:=.}"
for target; do
	name=$(basename "$target" .fuzz)
	found=fuzz-found/$name
	mkdir -p "$found"
	echo "== $name, $FUZZ_SECONDS s"
	"$target" -max_total_time="$FUZZ_SECONDS" -max_len="${FUZZ_MAX_LEN:-16384}" \
	    -timeout=10 -verbosity=0 -print_final_stats=1 \
	    -artifact_prefix="fuzz-found/$name-" \
	    "$found" "$srcdir/tests/fuzz/corpus/$name"
done
