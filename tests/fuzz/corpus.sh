#!/bin/sh
# corpus.sh - runs one fuzz target over its corpus: corpus.sh PATH/NAME.fuzz
set -eu
name=$(basename "$1" .fuzz)
corpus=${srcdir:-.}/tests/fuzz/corpus/$name
[ -n "$(ls "$corpus")" ] || { echo "$corpus is empty"; exit 99; }
exec "$1" "$corpus"/*
