#!/bin/sh
# hardening.sh - what the compiler and the linker were asked for is in the
# programs: position-independent, read-only relocations bound at start, no
# executable stack, checked functions of libc, stack protector, and landing
# pads for indirect branches where the processor has them.
set -eu
: "${abs_top_builddir:=.}"

if ! command -v readelf >/dev/null || ! command -v objdump >/dev/null; then
	echo "SKIP: readelf or objdump is not installed"
	exit 77
fi
bad=0

# has PROGRAM WHAT PATTERN TEXT: complains when no line of the text matches.
has() {
	echo "$4" | grep -qE "$3" || { echo "$1: $2 is not there"; bad=1; }
}

for name in pgfeed pgfeed-cgi pgfeed-post pgfeed-stream; do
	program=$abs_top_builddir/$name
	symbols=$(readelf -sW "$program")
	if echo "$symbols" | grep -qE '__(asan|tsan|ubsan)_'; then
		echo "SKIP: a sanitizer takes the place of these"
		exit 77
	fi
	header=$(readelf -hW "$program")
	segments=$(readelf -lW "$program")
	dynamic=$(readelf -dW "$program")
	has "$name" "-pie" 'Type: +DYN' "$header"
	has "$name" "-pie" 'FLAGS_1.*PIE' "$dynamic"
	has "$name" "-z now" 'BIND_NOW|FLAGS_1.*NOW' "$dynamic"
	has "$name" "-z relro" 'GNU_RELRO' "$segments"
	has "$name" "a stack without code" 'GNU_STACK.* RW +0x' "$segments"
	has "$name" "_FORTIFY_SOURCE" '__v?snprintf_chk' "$symbols"
	has "$name" "-fstack-protector" '__stack_chk_fail' "$symbols"
	case $(uname -m) in
	x86_64)
		has "$name" "-fcf-protection" 'endbr64' \
			"$(objdump -d --disassemble=main "$program")"
		;;
	esac
done
grep -q -e '-D_FORTIFY_SOURCE=3' "$abs_top_builddir/Makefile" ||
	echo "note: this compiler has no _FORTIFY_SOURCE=3"
exit $bad
